/* Assembly: save registers, and restore them. */

/* One instruction for each of the registers: the first word at `at` from the base, the next ones `step` bytes on. */
        .macro STORE_EACH instruction, at, step, base, registers:vararg
        .set    .Lregister_at, \at
        .irp    register, \registers
        \instruction %\register, .Lregister_at(%\base)
        .set    .Lregister_at, .Lregister_at + \step
        .endr
        .endm

        .macro LOAD_EACH instruction, at, step, base, registers:vararg
        .set    .Lregister_at, \at
        .irp    register, \registers
        \instruction .Lregister_at(%\base), %\register
        .set    .Lregister_at, .Lregister_at + \step
        .endr
        .endm

/* A frame whose caller is found by %rbp, whatever happens to %rsp. */
        .macro ENTER_FRAME
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        .endm

/* Save general registers below the frame, and all others below those. Changes %rax, %rcx and %rdx once they are saved. */
        .macro SAVE_BELOW_FRAME size, registers:vararg
        subq    $\size, %rsp
        STORE_EACH movq, -8, -8, rbp, \registers
        subq    uruk_vector_size(%rip), %rsp
        andq    $-64, %rsp              /* callers need not have aligned the stack */
        SAVE_VECTORS
        .endm

/* The general registers again, and the stack as ENTER_FRAME found it; `cfa` bytes of it are known to the caller. */
        .macro RESTORE_AND_LEAVE_FRAME cfa, registers:vararg
        LOAD_EACH movq, -8, -8, rbp, \registers
        movq    %rbp, %rsp
        popq    %rbp
        .cfi_def_cfa %rsp, \cfa
        .cfi_restore %rbp
        .endm

/* The vector, mask and x87 registers, at %rsp. The room is uruk_vector_size bytes at a multiple of 64. Saving changes
 * %rax, %rcx and %rdx, restoring %rax and %rdx. What is saved, and how: vector_state.c. */

        .macro SAVE_VECTORS
        movl    uruk_vector_mask(%rip), %eax
        testl   %eax, %eax
        jz      .Lfxsave\@
        xorl    %edx, %edx
        xorl    %ecx, %ecx              /* the header's last 48 bytes must be zero for xrstor; xsave leaves them */
        movq    %rcx, 512(%rsp)
        movq    %rcx, 520(%rsp)
        movq    %rcx, 528(%rsp)
        movq    %rcx, 536(%rsp)
        movq    %rcx, 544(%rsp)
        movq    %rcx, 552(%rsp)
        movq    %rcx, 560(%rsp)
        movq    %rcx, 568(%rsp)
        cmpl    $0, uruk_vector_compact(%rip)
        je      .Lxsave\@
        xsavec64 (%rsp)
        jmp     .Lsaved\@
.Lxsave\@:
        xsave64 (%rsp)
        jmp     .Lsaved\@
.Lfxsave\@:
        fxsave64 (%rsp)
.Lsaved\@:
        .endm

        .macro RESTORE_VECTORS
        movl    uruk_vector_mask(%rip), %eax
        testl   %eax, %eax
        jz      .Lfxrstor\@
        xorl    %edx, %edx
        xrstor64 (%rsp)
        jmp     .Lrestored\@
.Lfxrstor\@:
        fxrstor64 (%rsp)
.Lrestored\@:
        .endm
