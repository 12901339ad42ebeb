/* The functions of TLS descriptors.
 *
 * A descriptor is {function, argument}. Code calls the function with the descriptor's address in %rax and gets the
 * variable's offset from the thread pointer there; every other register keeps its value, vector and mask registers
 * included (psABI x86-64, "TLS descriptors"; ELF-TLS for i386/x86-64, Oliva and Aldy). glibc's own function lets
 * __tls_get_addr destroy the vector registers before version 2.40.
 *
 * The argument of uruk_rt_tlsdesc_dynamic is glibc's: {module, offset, generation}. A thread whose vector of blocks
 * (dtv, at %fs:8; elements of 16 bytes; element 0 counts generations) is at least that new has the module's block in
 * it, or -1 if the block was never used. The slow way is __tls_get_addr, with all that it may change saved around it.
 */

#include "save_registers.h"

#define SAVED rcx, rdx, r8, r9, r10, r11
#define SAVED_SIZE 64

        .text

        .globl  uruk_rt_tlsdesc_dynamic
        .type   uruk_rt_tlsdesc_dynamic, @function
        .p2align 4
uruk_rt_tlsdesc_dynamic:
        .cfi_startproc
        endbr64
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rdi, 0
        pushq   %rsi
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rsi, 0
        movq    8(%rax), %rdi           /* argument */
        movq    %fs:8, %rsi             /* dtv */
        movq    16(%rdi), %rax
        cmpq    (%rsi), %rax
        ja      .Lslow
        movq    (%rdi), %rax
        shlq    $4, %rax
        movq    (%rsi,%rax), %rax
        cmpq    $-1, %rax
        je      .Lslow
        addq    8(%rdi), %rax
.Lreturn:
        subq    %fs:0, %rax
        popq    %rsi
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rsi
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rdi
        ret
        .cfi_adjust_cfa_offset 16
        .cfi_rel_offset %rdi, 8
        .cfi_rel_offset %rsi, 0
.Lslow:
        ENTER_FRAME
        SAVE_BELOW_FRAME SAVED_SIZE, SAVED
        call    *__tls_get_addr@GOTPCREL(%rip)
        movq    %rax, %rcx
        RESTORE_VECTORS
        movq    %rcx, %rax
        RESTORE_AND_LEAVE_FRAME 24, SAVED
        jmp     .Lreturn
        .cfi_endproc
        .size   uruk_rt_tlsdesc_dynamic, .-uruk_rt_tlsdesc_dynamic

/* For storage with a fixed offset from the thread pointer, which is the argument. */
        .globl  uruk_rt_tlsdesc_static
        .type   uruk_rt_tlsdesc_static, @function
        .p2align 4
uruk_rt_tlsdesc_static:
        .cfi_startproc
        endbr64
        movq    8(%rax), %rax
        ret
        .cfi_endproc
        .size   uruk_rt_tlsdesc_static, .-uruk_rt_tlsdesc_static

/* For a weak thread-local that nobody defines: its address is the argument (the addend of its references, usually 0). */
        .globl  uruk_rt_tlsdesc_undefined
        .type   uruk_rt_tlsdesc_undefined, @function
        .p2align 4
uruk_rt_tlsdesc_undefined:
        .cfi_startproc
        endbr64
        movq    8(%rax), %rax
        subq    %fs:0, %rax
        ret
        .cfi_endproc
        .size   uruk_rt_tlsdesc_undefined, .-uruk_rt_tlsdesc_undefined

        .section .note.GNU-stack,"",@progbits
