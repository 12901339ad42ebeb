/* Where a callback into the controller begins: a trampoline has put its number into a register (x17) and jumped
 * here. The register arguments, and where those on the stack are, go to uruk_callback; its answer to where results are.
 */

#include "save_registers.h"

        .section .text.uruk_rt_callback_enter, "ax", @progbits
        .globl  uruk_rt_callback_enter
        .type   uruk_rt_callback_enter, @function
uruk_rt_callback_enter:
        .cfi_startproc
        stp     x29, x30, [sp, #-224]!
        .cfi_def_cfa_offset 224
        .cfi_offset x29, -224
        .cfi_offset x30, -216
        mov     x29, sp
        STORE_PAIRS 16, 8, x0, x1, x2, x3, x4, x5, x6, x7
        STORE_PAIRS 80, 8, d0, d1, d2, d3, d4, d5, d6, d7
        str     x8, [sp, #144]           // where a result in memory goes
        add     x9, sp, #152             // the upper words
        st1     {v0.d}[1], [x9], #8
        st1     {v1.d}[1], [x9], #8
        st1     {v2.d}[1], [x9], #8
        st1     {v3.d}[1], [x9], #8
        st1     {v4.d}[1], [x9], #8
        st1     {v5.d}[1], [x9], #8
        st1     {v6.d}[1], [x9], #8
        st1     {v7.d}[1], [x9]
        mov     x0, x17
        add     x1, sp, #16
        add     x2, sp, #224
        bl      uruk_callback
        ldp     x0, x1, [sp, #16]
        ldp     d0, d1, [sp, #80]
        ldp     d2, d3, [sp, #96]
        add     x9, sp, #152
        ld1     {v0.d}[1], [x9], #8
        ld1     {v1.d}[1], [x9], #8
        ld1     {v2.d}[1], [x9], #8
        ld1     {v3.d}[1], [x9]
        ldp     x29, x30, [sp], #224
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   uruk_rt_callback_enter, .-uruk_rt_callback_enter

        .section .note.GNU-stack, "", %progbits
