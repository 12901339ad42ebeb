/* The functions of TLS descriptors.
 *
 * A descriptor is {function, argument}. Code calls the function with the descriptor's address in x0, which gets the
 * variable's offset from the thread pointer; x30 is the call's own, all other registers keep their values, vector
 * registers included (glibc, sysdeps/aarch64/dl-tlsdesc.S): gcc calls through any register, and keeps the thread
 * pointer in x1.
 *
 * The argument of uruk_rt_tlsdesc_dynamic is glibc's: {module, offset, generation}. A thread whose vector of blocks
 * (dtv, at the thread pointer; elements of 16 bytes; element 0 counts generations) is at least that new has the module's
 * block in it, or -1 if the block was never used. The slow way is __tls_get_addr, with all that it may change saved
 * around it.
 */

#include "save_registers.h"

#define SAVED x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18

        .text

        .globl  uruk_rt_tlsdesc_dynamic
        .type   uruk_rt_tlsdesc_dynamic, @function
        .p2align 4
uruk_rt_tlsdesc_dynamic:
        .cfi_startproc
        hint    #34                     // bti c
        stp     x2, x3, [sp, #-32]!
        .cfi_def_cfa_offset 32
        stp     x4, x1, [sp, #16]
        mrs     x4, tpidr_el0
        ldr     x1, [x0, #8]            // argument
        ldr     x0, [x4]                // dtv
        ldr     x2, [x1, #16]
        ldr     x3, [x0]
        cmp     x2, x3
        b.hi    .Lslow
        ldr     x2, [x1]
        add     x0, x0, x2, lsl #4
        ldr     x0, [x0]
        cmn     x0, #1
        b.eq    .Lslow
        ldr     x1, [x1, #8]
        add     x0, x0, x1
        sub     x0, x0, x4
.Lreturn:
        ldp     x4, x1, [sp, #16]
        ldp     x2, x3, [sp], #32
        .cfi_def_cfa_offset 0
        ret
        .cfi_def_cfa_offset 32
.Lslow:
        stp     x29, x30, [sp, #-160]!
        .cfi_def_cfa_offset 192
        .cfi_offset x29, -192
        .cfi_offset x30, -184
        mov     x29, sp
        STORE_PAIRS 16, 8, SAVED
        str     x4, [sp, #128]
        mrs     x5, nzcv
        str     x5, [sp, #136]
        SAVE_VECTORS
        mov     x0, x1
        bl      __tls_get_addr
        RESTORE_VECTORS
        ldp     x4, x5, [sp, #128]
        msr     nzcv, x5
        sub     x0, x0, x4
        LOAD_PAIRS 16, 8, SAVED
        ldp     x29, x30, [sp], #160
        .cfi_def_cfa_offset 32
        .cfi_restore x29
        .cfi_restore x30
        b       .Lreturn
        .cfi_endproc
        .size   uruk_rt_tlsdesc_dynamic, .-uruk_rt_tlsdesc_dynamic

        .globl  uruk_rt_tlsdesc_static
        .type   uruk_rt_tlsdesc_static, @function
        .p2align 4
uruk_rt_tlsdesc_static:
        .cfi_startproc
        hint    #34                     // bti c
        ldr     x0, [x0, #8]
        ret
        .cfi_endproc
        .size   uruk_rt_tlsdesc_static, .-uruk_rt_tlsdesc_static

        .globl  uruk_rt_tlsdesc_undefined
        .type   uruk_rt_tlsdesc_undefined, @function
        .p2align 4
uruk_rt_tlsdesc_undefined:
        .cfi_startproc
        hint    #34                     // bti c
        str     x1, [sp, #-16]!
        .cfi_def_cfa_offset 16
        ldr     x0, [x0, #8]
        mrs     x1, tpidr_el0
        sub     x0, x0, x1
        ldr     x1, [sp], #16
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   uruk_rt_tlsdesc_undefined, .-uruk_rt_tlsdesc_undefined

        .section .note.GNU-stack,"",@progbits
