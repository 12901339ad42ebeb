/* long uruk_invoke(function, struct registers *, const long *stack, long count)
 *
 * Call a function with the register arguments of the C calling convention loaded, and `count` words on the stack; the
 * first integer and the first vector register of the result go into the struct (System V psABI, 3.2.3; AAPCS64, 6.8).
 */

#if defined __x86_64__

        .section .text.uruk_invoke, "ax", @progbits
        .globl  uruk_invoke
        .hidden uruk_invoke
        .type   uruk_invoke, @function
uruk_invoke:
        .cfi_startproc
        endbr64
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
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
        mov     (%rbx), %rdi
        mov     8(%rbx), %rsi
        mov     16(%rbx), %rdx
        mov     24(%rbx), %rcx
        mov     32(%rbx), %r8
        mov     40(%rbx), %r9
        movq    64(%rbx), %xmm0
        movq    72(%rbx), %xmm1
        movq    80(%rbx), %xmm2
        movq    88(%rbx), %xmm3
        movq    96(%rbx), %xmm4
        movq    104(%rbx), %xmm5
        movq    112(%rbx), %xmm6
        movq    120(%rbx), %xmm7
        mov     $8, %eax                 # for functions with variable arguments: vector registers in use
        call    *%r11
        mov     %rax, (%rbx)
        mov     %rdx, 8(%rbx)
        movq    %xmm0, 64(%rbx)
        movq    %xmm1, 72(%rbx)
        mov     -8(%rbp), %rbx
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   uruk_invoke, .-uruk_invoke

#elif defined __aarch64__

        .section .text.uruk_invoke, "ax", @progbits
        .globl  uruk_invoke
        .hidden uruk_invoke
        .type   uruk_invoke, @function
uruk_invoke:
        .cfi_startproc
        hint    #34                      // bti c
        stp     x29, x30, [sp, #-32]!
        .cfi_def_cfa_offset 32
        .cfi_offset x29, -32
        .cfi_offset x30, -24
        mov     x29, sp
        .cfi_def_cfa_register x29
        str     x19, [sp, #16]
        .cfi_offset x19, -16
        mov     x19, x1
        mov     x16, x0
        add     x4, x3, #1
        and     x4, x4, #-2
        sub     sp, sp, x4, lsl #3
        mov     x5, sp
1:      cbz     x3, 2f
        ldr     x4, [x2], #8
        str     x4, [x5], #8
        sub     x3, x3, #1
        b       1b
2:      ldp     d0, d1, [x19, #64]
        ldp     d2, d3, [x19, #80]
        ldp     d4, d5, [x19, #96]
        ldp     d6, d7, [x19, #112]
        ldp     x0, x1, [x19]
        ldp     x2, x3, [x19, #16]
        ldp     x4, x5, [x19, #32]
        ldp     x6, x7, [x19, #48]
        blr     x16
        stp     x0, x1, [x19]
        stp     d0, d1, [x19, #64]
        ldr     x19, [x29, #16]
        mov     sp, x29
        ldp     x29, x30, [sp], #32
        .cfi_def_cfa sp, 0
        ret
        .cfi_endproc
        .size   uruk_invoke, .-uruk_invoke

#endif

        .section .note.GNU-stack, "", %progbits
