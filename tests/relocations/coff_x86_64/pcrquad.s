# A distance of 64 bits from the end of the field, as GNU's assembler writes it: every one fits.
# kind: Delta64
# moves: define target
# numbers: 0 0x123456789abcdef0 -16
# renumber: 1 14
# jitlink-check: *{8}site = target + 8 - (site + 8)
        .data
        .globl  site
        .space  3
site:   .quad   target + 8
