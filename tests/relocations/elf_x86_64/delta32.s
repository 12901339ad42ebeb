# A 32-bit distance to data. The target is part of the batch, so that no place would suit it better.
# kind: Delta32
# moves: absolute target
# range: -0x80000000 0x7fffffff
# jitlink-check: *{4}site = (target - 4 - site)[31:0]
        .section .data
        .globl  site
        .space  12
site:   .long   0
        .reloc  site, R_X86_64_PC32, target - 4
