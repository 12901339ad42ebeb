/* Where a lazy stub goes that has no function yet; %r11 is the address of its slot (common/lazy.c).
 *
 * The function behind it is found by uruk_lazy_resolve, and jumped to with everything as the caller left it: the registers of
 * arguments (xmm4 and xmm5 are those of __vectorcall), the static chain in %r10, the stack. Nothing of this frame is left
 * then, so that exceptions pass. (Microsoft, "x64 calling convention", "x64 prolog and epilog", "__vectorcall"; %rax and
 * %r11 are free, and so is x87 state, of which the control word stays as it is.)
 */

#define SAVED_FLAGS 80
#define SAVED_VECTORS 96
#define FRAME 200                       /* keeps the stack aligned behind the return address */

        .section .text,"xr"
        .globl  uruk_lazy_enter
        .def    uruk_lazy_enter
        .scl    2
        .type   32
        .endef
        .seh_proc uruk_lazy_enter
uruk_lazy_enter:
        subq    $FRAME, %rsp            /* 32 of them for the callee */
        .seh_stackalloc FRAME
        .seh_endprologue
        movq    %rcx, 32(%rsp)
        movq    %rdx, 40(%rsp)
        movq    %r8, 48(%rsp)
        movq    %r9, 56(%rsp)
        movq    %r10, 64(%rsp)
        movq    %rax, 72(%rsp)
        stmxcsr SAVED_FLAGS(%rsp)
        movaps  %xmm0, SAVED_VECTORS(%rsp)
        movaps  %xmm1, SAVED_VECTORS + 16(%rsp)
        movaps  %xmm2, SAVED_VECTORS + 32(%rsp)
        movaps  %xmm3, SAVED_VECTORS + 48(%rsp)
        movaps  %xmm4, SAVED_VECTORS + 64(%rsp)
        movaps  %xmm5, SAVED_VECTORS + 80(%rsp)
        movl    $0x1f80, SAVED_FLAGS + 4(%rsp) /* what runs now must not trap: all exceptions masked, to nearest */
        ldmxcsr SAVED_FLAGS + 4(%rsp)
        movq    %r11, %rcx
        callq   uruk_lazy_resolve
        movq    %rax, %r11
        ldmxcsr SAVED_FLAGS(%rsp)
        movaps  SAVED_VECTORS(%rsp), %xmm0
        movaps  SAVED_VECTORS + 16(%rsp), %xmm1
        movaps  SAVED_VECTORS + 32(%rsp), %xmm2
        movaps  SAVED_VECTORS + 48(%rsp), %xmm3
        movaps  SAVED_VECTORS + 64(%rsp), %xmm4
        movaps  SAVED_VECTORS + 80(%rsp), %xmm5
        movq    32(%rsp), %rcx
        movq    40(%rsp), %rdx
        movq    48(%rsp), %r8
        movq    56(%rsp), %r9
        movq    64(%rsp), %r10
        movq    72(%rsp), %rax
        addq    $FRAME, %rsp
        .byte   0x49, 0xff, 0xe3        /* jmp *%r11 with REX.W, by which unwinders know the end of an epilog */
        .seh_endproc
