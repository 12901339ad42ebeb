# An 8-bit distance.
# kind: Delta8
# moves: absolute target
# range: -0x80 0x7f
# jitlink-check: *{1}site = (target - 1 - site)[7:0]
        .text
        .globl  site
        .space  3
site:   .byte   0
        .reloc  site, R_X86_64_PC8, target - 1
