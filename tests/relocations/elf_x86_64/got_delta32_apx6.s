# The same for instructions with an EVEX prefix of APX that begin 6 bytes before the field.
# renumber: 9 49
# kind: GOTDelta32
# moves: addend
# range: -0x80000000 0x7fffffff
# let: slot = site - addend + (((*{4}site) + 0x80000000)[31:0] - 0x80000000)
# jitlink-check: *{8}slot = target
        .text
        .globl  site, target
target: ret
site:   .long   0
        .reloc  site, R_X86_64_GOTPCREL, target + 0x1122334455667788
