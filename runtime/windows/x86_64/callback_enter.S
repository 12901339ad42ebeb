/* Where a callback into the controller begins: a trampoline has put its number into a register (%r10) and jumped
 * here. The register arguments, and where those on the stack are, go to uruk_callback; its answer to where results are.
 * (Microsoft, "x64 calling convention": the words on the stack lie behind 32 bytes of shadow space.)
 */

        .section .text,"xr"
        .globl  uruk_rt_callback_enter
        .def    uruk_rt_callback_enter
        .scl    2
        .type   32
        .endef
        .seh_proc uruk_rt_callback_enter
uruk_rt_callback_enter:
        pushq   %rbp
        .seh_pushreg %rbp
        subq    $240, %rsp              /* 32 of them for the callee, then a struct registers */
        .seh_stackalloc 240
        movq    %rsp, %rbp
        .seh_setframe %rbp, 0
        .seh_endprologue
        movq    %rcx, 32(%rbp)
        movq    %rdx, 40(%rbp)
        movq    %r8, 48(%rbp)
        movq    %r9, 56(%rbp)
        movq    %xmm0, 96(%rbp)
        movq    %xmm1, 104(%rbp)
        movq    %xmm2, 112(%rbp)
        movq    %xmm3, 120(%rbp)
        movq    $0, 160(%rbp)           /* no register of its own has the place of a result */
        movq    %r10, %rcx
        leaq    32(%rbp), %rdx
        leaq    288(%rbp), %r8          /* behind this frame, %rbp, the return address and the shadow space */
        callq   uruk_callback
        movq    32(%rbp), %rax
        movq    96(%rbp), %xmm0
        leaq    240(%rbp), %rsp
        popq    %rbp
        retq
        .seh_endproc
