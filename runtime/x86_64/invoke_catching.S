/* uint64_t uruk_invoke_catching(function, struct registers *, const uint64_t *stack, uint64_t count, uint64_t *frame)
 *
 * uruk_invoke below a frame at which exceptions end (see linux/catching.c). `frame` gets the place that uruk_resume
 * continues from: then the result is the exception, otherwise 0. All registers that a callee saves are saved here, as
 * the frames below are left without restoring theirs.
 */

#include "save_registers.h"

        .section .text.uruk_invoke_catching, "ax", @progbits
        .globl  uruk_invoke_catching
        .hidden uruk_invoke_catching
        .type   uruk_invoke_catching, @function
uruk_invoke_catching:
        .cfi_startproc
        .cfi_personality 0x1b, uruk_catching_personality
        endbr64
        ENTER_FRAME
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        sub     $8, %rsp
        mov     %rsp, (%r8)
        call    uruk_invoke
        xor     %eax, %eax
.Lleave:
        add     $8, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   uruk_invoke_catching, .-uruk_invoke_catching

/* void uruk_resume(uint64_t frame, exception): leave all frames below. */
        .globl  uruk_resume
        .hidden uruk_resume
        .type   uruk_resume, @function
uruk_resume:
        endbr64
        mov     %rdi, %rsp
        mov     %rsi, %rax
        jmp     .Lleave
        .size   uruk_resume, .-uruk_resume

        .section .note.GNU-stack, "", %progbits
