        .globl  absolute_small, absolute_large, absolute_zero
        .set    absolute_small, 0x1234
        .set    absolute_large, 0x12345678
        .set    absolute_zero, 0
        .section .note.GNU-stack,"",%progbits
