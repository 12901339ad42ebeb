/* Where a lazy stub goes that has no function yet; %r11 is the address of its slot (lazy.c).
 *
 * The function behind it is found by uruk_lazy_resolve, and jumped to with everything as the caller left it: the
 * registers of arguments, the count of vector registers in %al, the static chain in %r10, all vector and x87 state, the
 * stack. Nothing of this frame is left then, so that exceptions pass, and stack arguments are where they should be.
 * (psABI x86-64, 3.2.3 "Parameter passing"; %r11 is free for linkers' use.)
 */

#include "save_registers.h"

#define SAVED rdi, rsi, rdx, rcx, r8, r9, r10, rax
#define SAVED_SIZE 64

        .text

        .globl  uruk_lazy_enter
        .type   uruk_lazy_enter, @function
        .p2align 4
uruk_lazy_enter:
        .cfi_startproc
        endbr64
        ENTER_FRAME
        SAVE_BELOW_FRAME SAVED_SIZE, SAVED
        fninit                          /* a caller that traps on inexact results must not trap in what runs now */
        ldmxcsr .Ldefault_mxcsr(%rip)
        movq    %r11, %rdi
        call    uruk_lazy_resolve
        movq    %rax, %r11
        RESTORE_VECTORS
        RESTORE_AND_LEAVE_FRAME 8, SAVED
        jmp     *%r11
        .cfi_endproc
        .size   uruk_lazy_enter, .-uruk_lazy_enter

        .section .rodata.cst4,"aM",@progbits,4
        .p2align 2
.Ldefault_mxcsr:
        .long   0x1f80                  /* all exceptions masked, round to nearest: psABI, 3.2.1 */

        .section .note.GNU-stack,"",@progbits
