# An address of 32 bits, with a sign or without.
# kind: Pointer32
# moves: define target
# range: -0x80000000 0xffffffff
# let: base = 0
# jitlink-check: *{4}site = (target + 4 - base)[31:0]
        .data
        .globl  site, image
image:  .quad   __ImageBase
        .space  3
site:   .word   target + 4
