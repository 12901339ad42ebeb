/* Where a callback into the controller begins: a trampoline has put its number into a register (%r10) and jumped
 * here. The register arguments, and where those on the stack are, go to uruk_callback; its answer to where results are.
 */

#include "save_registers.h"

        .section .text.uruk_rt_callback_enter, "ax", @progbits
        .globl  uruk_rt_callback_enter
        .type   uruk_rt_callback_enter, @function
uruk_rt_callback_enter:
        .cfi_startproc
        ENTER_FRAME
        sub     $208, %rsp
        STORE_EACH movq, 0, 8, rsp, rdi, rsi, rdx, rcx, r8, r9
        STORE_EACH movq, 64, 8, rsp, xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7
        movq    $0, 128(%rsp)            # no register of its own has the place of a result
        mov     %r10, %rdi
        mov     %rsp, %rsi
        lea     16(%rbp), %rdx
        call    uruk_callback
        mov     (%rsp), %rax
        mov     8(%rsp), %rdx
        movq    64(%rsp), %xmm0
        movq    72(%rsp), %xmm1
        cmpq    $0, 200(%rsp)
        je      1f
        fldt    136(%rsp)
1:
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   uruk_rt_callback_enter, .-uruk_rt_callback_enter

        .section .note.GNU-stack, "", %progbits
