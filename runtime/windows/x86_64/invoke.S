/* void uruk_invoke(function, struct registers *, const uint64_t *stack, uint64_t count)
 *
 * Call a function with register arguments loaded, and `count` words on the stack behind the shadow space; the first
 * two integer and vector registers of the result go into the struct. Slots are positional: each of the first four
 * integer and vector registers gets its own word (Microsoft, "x64 calling convention").
 */

        .section .text,"xr"
        .globl  uruk_invoke
        .def    uruk_invoke
        .scl    2
        .type   32
        .endef
        .seh_proc uruk_invoke
uruk_invoke:
        pushq   %rbp
        .seh_pushreg %rbp
        pushq   %rbx
        .seh_pushreg %rbx
        pushq   %rsi
        .seh_pushreg %rsi
        pushq   %rdi
        .seh_pushreg %rdi
        subq    $8, %rsp
        .seh_stackalloc 8
        movq    %rsp, %rbp
        .seh_setframe %rbp, 0
        .seh_endprologue
        movq    %rdx, %rbx
        movq    %rcx, %rax
        leaq    5(%r9), %rcx            /* four words of shadow space; keeps the stack aligned */
        andq    $-2, %rcx
        shlq    $3, %rcx
1:      cmpq    $4096, %rcx             /* the guard page of a stack must be touched before what lies below */
        jbe     2f
        subq    $4096, %rsp
        orq     $0, (%rsp)
        subq    $4096, %rcx
        jmp     1b
2:      subq    %rcx, %rsp
        orq     $0, (%rsp)
        movq    %r8, %rsi
        leaq    32(%rsp), %rdi
        movq    %r9, %rcx
        cld
        rep movsq
        movq    (%rbx), %rcx
        movq    8(%rbx), %rdx
        movq    16(%rbx), %r8
        movq    24(%rbx), %r9
        movq    64(%rbx), %xmm0
        movq    72(%rbx), %xmm1
        movq    80(%rbx), %xmm2
        movq    88(%rbx), %xmm3
        callq   *%rax
        movq    %rax, (%rbx)
        movq    %rdx, 8(%rbx)
        movq    %xmm0, 64(%rbx)
        movq    %xmm1, 72(%rbx)
        leaq    8(%rbp), %rsp
        popq    %rdi
        popq    %rsi
        popq    %rbx
        popq    %rbp
        retq
        .seh_endproc
