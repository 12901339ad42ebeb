# An address of 64 bits: every one fits.
# moves: define target
# numbers: 0 0x123456789abcdef0 -16
# jitlink-check: *{8}site = target + 8
        .data
        .globl  site
        .space  3
site:   .quad   target + 8
