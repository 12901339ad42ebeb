/* void uruk_invoke(function, struct registers *, const uint64_t *stack, uint64_t count)
 *
 * Call a function with the register arguments of the C calling convention loaded, and `count` words on the stack; the
 * first two integer and vector registers of the result go into the struct, or st0 (System V psABI, 3.2.3).
 */

#include "save_registers.h"

        .section .text.uruk_invoke, "ax", @progbits
        .globl  uruk_invoke
        .hidden uruk_invoke
        .type   uruk_invoke, @function
uruk_invoke:
        .cfi_startproc
        endbr64
        ENTER_FRAME
        push    %rbx
        .cfi_offset %rbx, -24
        sub     $8, %rsp
        mov     %rdi, %r11
        mov     %rsi, %rbx
        lea     1(%rcx), %rax
        and     $-2, %rax                # keeps the stack aligned
        shl     $3, %rax
        sub     %rax, %rsp
        mov     %rdx, %rsi
        mov     %rsp, %rdi
        cld
        rep movsq
        LOAD_EACH movq, 0, 8, rbx, rdi, rsi, rdx, rcx, r8, r9
        LOAD_EACH movq, 64, 8, rbx, xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7
        mov     $8, %eax                 # for functions with variable arguments: vector registers in use
        call    *%r11
        mov     %rax, (%rbx)
        mov     %rdx, 8(%rbx)
        movq    %xmm0, 64(%rbx)
        movq    %xmm1, 72(%rbx)
        cmpq    $0, 200(%rbx)
        je      1f
        fstpt   136(%rbx)
1:
        mov     -8(%rbp), %rbx
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   uruk_invoke, .-uruk_invoke

        .section .note.GNU-stack, "", %progbits
