/* Where a lazy stub goes that has no function yet; x16 is the address of its slot (lazy.c).
 *
 * The function behind it is found by uruk_lazy_resolve, and jumped to with everything as the caller left it: x0-x8
 * (arguments, and where a large result goes), x18 (the platform's), all vector registers, the stack. Nothing of this
 * frame is left then, so that exceptions pass, and stack arguments are where they should be. x16 and x17 are free for
 * linkers' use (AAPCS64, 6.1.1).
 */

#include "save_registers.h"

        .text

        .globl  uruk_lazy_enter
        .type   uruk_lazy_enter, @function
        .p2align 4
uruk_lazy_enter:
        .cfi_startproc
        hint    #34                     // bti c
        stp     x29, x30, [sp, #-96]!
        .cfi_def_cfa_offset 96
        .cfi_offset x29, -96
        .cfi_offset x30, -88
        mov     x29, sp
        .cfi_def_cfa_register x29
        STORE_PAIRS 16, 8, x0, x1, x2, x3, x4, x5, x6, x7, x8, x18
        SAVE_VECTORS
        mov     x0, x16
        bl      uruk_lazy_resolve
        mov     x16, x0
        RESTORE_VECTORS
        LOAD_PAIRS 16, 8, x0, x1, x2, x3, x4, x5, x6, x7, x8, x18
        ldp     x29, x30, [sp], #96
        .cfi_def_cfa sp, 0
        .cfi_restore x29
        .cfi_restore x30
        br      x16
        .cfi_endproc
        .size   uruk_lazy_enter, .-uruk_lazy_enter

        .section .note.GNU-stack,"",@progbits
