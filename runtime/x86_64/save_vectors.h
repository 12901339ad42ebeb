/* Assembly: save the vector, mask and x87 registers at %rsp, and restore them from there.
 *
 * The room is uruk_vector_size bytes at a multiple of 64, taken from the stack by the user of these. Saving changes
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
