# 8 bits, signed or unsigned.
# kind: Pointer8
# moves: define target
# range: -0x80 0xff
# jitlink-check: *{1}site = target[7:0]
        .section .data
        .globl  site
        .space  3
site:   .byte   0
        .reloc  site, R_X86_64_8, target
