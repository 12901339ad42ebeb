# 16 bits, signed or unsigned, as the assembler does not tell.
# kind: Pointer16
# moves: define target
# range: -0x8000 0xffff
# jitlink-check: *{2}site = target[15:0]
        .section .data
        .globl  site
        .space  3
site:   .short  0
        .reloc  site, R_X86_64_16, target
