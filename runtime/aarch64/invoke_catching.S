/* uint64_t uruk_invoke_catching(function, struct registers *, const uint64_t *stack, uint64_t count, uint64_t *frame)
 *
 * uruk_invoke below a frame at which exceptions end (see linux/catching.c). `frame` gets the place that uruk_resume
 * continues from: then the result is the exception, otherwise 0. All registers that a callee saves are saved here, as
 * the frames below are left without restoring theirs.
 */

        .section .text.uruk_invoke_catching, "ax", @progbits
        .globl  uruk_invoke_catching
        .hidden uruk_invoke_catching
        .type   uruk_invoke_catching, @function
uruk_invoke_catching:
        .cfi_startproc
        .cfi_personality 0x1b, uruk_catching_personality
        hint    #34                      // bti c
        stp     x29, x30, [sp, #-160]!
        .cfi_def_cfa_offset 160
        .cfi_offset x29, -160
        .cfi_offset x30, -152
        mov     x29, sp
        .cfi_def_cfa_register x29
        stp     x19, x20, [sp, #16]
        .cfi_offset x19, -144
        .cfi_offset x20, -136
        stp     x21, x22, [sp, #32]
        .cfi_offset x21, -128
        .cfi_offset x22, -120
        stp     x23, x24, [sp, #48]
        .cfi_offset x23, -112
        .cfi_offset x24, -104
        stp     x25, x26, [sp, #64]
        .cfi_offset x25, -96
        .cfi_offset x26, -88
        stp     x27, x28, [sp, #80]
        .cfi_offset x27, -80
        .cfi_offset x28, -72
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        str     x29, [x4]
        bl      uruk_invoke
        mov     x0, #0
.Lleave:
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        ldp     x29, x30, [sp], #160
        .cfi_def_cfa sp, 0
        ret
        .cfi_endproc
        .size   uruk_invoke_catching, .-uruk_invoke_catching

/* void uruk_resume(uint64_t frame, exception): leave all frames below. */
        .globl  uruk_resume
        .hidden uruk_resume
        .type   uruk_resume, @function
uruk_resume:
        hint    #34                      // bti c
        mov     sp, x0
        mov     x0, x1
        b       .Lleave
        .size   uruk_resume, .-uruk_resume

        .section .note.GNU-stack, "", %progbits
