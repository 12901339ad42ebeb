# The distance of a byte, in two pieces of the instruction.
# kind: Literal21
# moves: define target
# range: -0x100000 0xfffff
# let: value = target + 5 - site
# jitlink-check: *{4}site = 0x10000003 + (value[20:2] << 5) + (value[1:0] << 29)
        .text
        .globl  site
        .balign 16
site:   adr x3, target+5
