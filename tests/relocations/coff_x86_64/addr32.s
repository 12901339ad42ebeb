# An address of 32 bits, without a sign.
# kind: Pointer32
# moves: define target
# range: 0 0xffffffff
# let: base = 0
# jitlink-check: *{4}site = target + 4 - base
        .data
        .globl  site, image
image:  .quad   __ImageBase
        .space  3
site:   .long   target + 4
