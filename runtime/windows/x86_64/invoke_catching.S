/* uint64_t uruk_invoke_catching(function, struct registers *, const uint64_t *stack, uint64_t count, uint64_t *frame)
 *
 * uruk_invoke below a frame at which exceptions of C++ end (see windows/catching.c). `frame` gets this frame as its
 * handler will be told of it. 0, or what RtlUnwindEx brings to uruk_caught; it restores the registers that a callee saves.
 */

        .section .text,"xr"
        .globl  uruk_invoke_catching
        .def    uruk_invoke_catching
        .scl    2
        .type   32
        .endef
        .seh_proc uruk_invoke_catching
        .seh_handler uruk_catching_handler, @except, @unwind
uruk_invoke_catching:
        subq    $8, %rsp                /* uruk_invoke does not use its shadow space, where old words would stay */
        .seh_stackalloc 8
        .seh_endprologue
        movq    $0, (%rsp)
        movq    48(%rsp), %rax          /* behind this frame, the return address and the shadow space */
        movq    %rsp, (%rax)
        callq   uruk_invoke
        xorl    %eax, %eax
        .globl  uruk_caught
uruk_caught:
        addq    $8, %rsp
        retq
        .seh_endproc
