# An 8-bit distance.
# kind: Delta8
# absolute: target
# start: near
# low: site + 1 - 0x80
# high: site + 1 + 0x7f
# check: i8(site) == target - 1 - site
        .text
        .globl  site
        .space  3
site:   .byte   0
        .reloc  site, R_X86_64_PC8, target - 1
