# Functions that call their first argument with the second, and unwind records that the assembler did not write.
        .macro  caller name, room
        .globl  \name
        .type   \name, @function
\name:  subq    $\room, %rsp
        movq    %rdi, %rax
        movl    %esi, %edi
        call    *%rax
        addq    $\room, %rsp
        ret
.Lend_\name:
        .size   \name, . - \name
        .endm

        .macro  record name, room
        .long   2f - 1f
1:      .long   1b - .Lcie
        .long   \name - .
        .long   .Lend_\name - \name
        .uleb128 0
        .byte   0x44                    # DW_CFA_advance_loc 4: behind the subq
        .byte   0x0e                    # DW_CFA_def_cfa_offset
        .uleb128 \room + 8
        .byte   0
2:
        .endm

        .text
        caller  call_with_48, 56
        caller  call_with_16, 24
        caller  call_with_80, 88

        .section .eh_frame, "a", @progbits
.Lcie:  .long   .Lcie_end - .Lcie_id
.Lcie_id:
        .long   0
        .byte   1
        .string "zR"
        .uleb128 1
        .sleb128 -8
        .byte   16
        .uleb128 1
        .byte   0x1b                    # DW_EH_PE_pcrel | DW_EH_PE_sdata4
        .byte   0x0c, 7, 8              # DW_CFA_def_cfa rsp, 8
        .byte   0x90, 1                 # DW_CFA_offset rip, 1
        .byte   0
.Lcie_end:
        record  call_with_48, 56
        record  call_with_16, 24
        record  call_with_80, 88
        .section .note.GNU-stack, "", @progbits
