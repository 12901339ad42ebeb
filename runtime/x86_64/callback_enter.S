/* Where a callback into the controller begins: a trampoline has put its number into a register (%r10) and jumped
 * here. The register arguments, and where those on the stack are, go to uruk_callback; its answer to where results are.
 */

        .section .text.uruk_rt_callback_enter, "ax", @progbits
        .globl  uruk_rt_callback_enter
        .type   uruk_rt_callback_enter, @function
uruk_rt_callback_enter:
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        sub     $128, %rsp
        mov     %rdi, (%rsp)
        mov     %rsi, 8(%rsp)
        mov     %rdx, 16(%rsp)
        mov     %rcx, 24(%rsp)
        mov     %r8, 32(%rsp)
        mov     %r9, 40(%rsp)
        movq    %xmm0, 64(%rsp)
        movq    %xmm1, 72(%rsp)
        movq    %xmm2, 80(%rsp)
        movq    %xmm3, 88(%rsp)
        movq    %xmm4, 96(%rsp)
        movq    %xmm5, 104(%rsp)
        movq    %xmm6, 112(%rsp)
        movq    %xmm7, 120(%rsp)
        mov     %r10, %rdi
        mov     %rsp, %rsi
        lea     16(%rbp), %rdx
        call    uruk_callback
        mov     (%rsp), %rax
        movq    64(%rsp), %xmm0
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   uruk_rt_callback_enter, .-uruk_rt_callback_enter

        .section .note.GNU-stack, "", %progbits
