# A 16-bit distance.
# kind: Delta16
# moves: absolute target
# range: -0x8000 0x7fff
# jitlink-check: *{2}site = (target - site)[15:0]
        .text
        .globl  site
        .space  3
site:   .short  0
        .reloc  site, R_X86_64_PC16, target
