/* void uruk_invoke(function, struct registers *, const uint64_t *stack, uint64_t count)
 *
 * Call a function with the register arguments of the C calling convention loaded, and `count` words on the stack; the
 * first two integer and four vector registers of the result go into the struct (AAPCS64, 6.8 and 6.9).
 */

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
2:      ldr     x8, [x19, #128]          // where a result in memory goes
        ldp     d0, d1, [x19, #64]
        ldp     d2, d3, [x19, #80]
        ldp     d4, d5, [x19, #96]
        ldp     d6, d7, [x19, #112]
        add     x9, x19, #136            // the upper words
        ld1     {v0.d}[1], [x9], #8
        ld1     {v1.d}[1], [x9], #8
        ld1     {v2.d}[1], [x9], #8
        ld1     {v3.d}[1], [x9], #8
        ld1     {v4.d}[1], [x9], #8
        ld1     {v5.d}[1], [x9], #8
        ld1     {v6.d}[1], [x9], #8
        ld1     {v7.d}[1], [x9]
        ldp     x0, x1, [x19]
        ldp     x2, x3, [x19, #16]
        ldp     x4, x5, [x19, #32]
        ldp     x6, x7, [x19, #48]
        blr     x16
        stp     x0, x1, [x19]
        stp     d0, d1, [x19, #64]
        stp     d2, d3, [x19, #80]
        add     x9, x19, #136
        st1     {v0.d}[1], [x9], #8
        st1     {v1.d}[1], [x9], #8
        st1     {v2.d}[1], [x9], #8
        st1     {v3.d}[1], [x9]
        ldr     x19, [x29, #16]
        mov     sp, x29
        ldp     x29, x30, [sp], #32
        .cfi_def_cfa sp, 0
        ret
        .cfi_endproc
        .size   uruk_invoke, .-uruk_invoke

        .section .note.GNU-stack, "", %progbits
