/* Where a lazy stub goes that has no function yet; %r11 is the address of its slot (lazy.c).
 *
 * The function behind it is found by uruk_lazy_resolve, and jumped to with everything as the caller left it: the
 * registers of arguments, the count of vector registers in %al, the static chain in %r10, all vector and x87 state, the
 * stack. Nothing of this frame is left then, so that exceptions pass, and stack arguments are where they should be.
 * (psABI x86-64, 3.2.3 "Parameter passing"; %r11 is free for linkers' use.)
 */

#include "save_vectors.h"

#define SAVED_BELOW_FRAME 64

        .text

        .globl  uruk_lazy_enter
        .type   uruk_lazy_enter, @function
        .p2align 4
uruk_lazy_enter:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        subq    $SAVED_BELOW_FRAME, %rsp
        movq    %rdi, -8(%rbp)
        movq    %rsi, -16(%rbp)
        movq    %rdx, -24(%rbp)
        movq    %rcx, -32(%rbp)
        movq    %r8, -40(%rbp)
        movq    %r9, -48(%rbp)
        movq    %r10, -56(%rbp)
        movq    %rax, -64(%rbp)
        subq    uruk_vector_size(%rip), %rsp
        andq    $-64, %rsp              /* callers need not have aligned the stack */
        SAVE_VECTORS
        fninit                          /* a caller that traps on inexact results must not trap in what runs now */
        ldmxcsr .Ldefault_mxcsr(%rip)
        movq    %r11, %rdi
        call    uruk_lazy_resolve
        movq    %rax, %r11
        RESTORE_VECTORS
        movq    -8(%rbp), %rdi
        movq    -16(%rbp), %rsi
        movq    -24(%rbp), %rdx
        movq    -32(%rbp), %rcx
        movq    -40(%rbp), %r8
        movq    -48(%rbp), %r9
        movq    -56(%rbp), %r10
        movq    -64(%rbp), %rax
        movq    %rbp, %rsp
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        .cfi_restore %rbp
        jmp     *%r11
        .cfi_endproc
        .size   uruk_lazy_enter, .-uruk_lazy_enter

        .section .rodata.cst4,"aM",@progbits,4
        .p2align 2
.Ldefault_mxcsr:
        .long   0x1f80                  /* all exceptions masked, round to nearest: psABI, 3.2.1 */

        .section .note.GNU-stack,"",@progbits
