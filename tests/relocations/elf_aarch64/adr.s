# The distance of a byte, in two pieces of the instruction.
# kind: Literal21
# range: -0x100000 0xfffff
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 274
# let: value = near + addend - site
# jitlink-check: *{4}site = 0x10000003 + (value[20:2] << 5) + (value[1:0] << 29)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   adr x3, .
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
