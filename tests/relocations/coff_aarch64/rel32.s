# A distance from the end of the field.
# kind: Delta32
# moves: define target
# range: -0x80000000 0xffffffff
# jitlink-check: *{4}site = (target + 8 - site)[31:0]
        .data
        .globl  site
        .space  4
site:   .word   target - . + 8
