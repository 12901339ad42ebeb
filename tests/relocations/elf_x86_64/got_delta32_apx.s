# The same for instructions of APX, whose relocation types the assembler may not know: with a REX2 prefix, and with EVEX
# prefixes where 5 or 6 bytes lie before the field.
# with: NAME=REX2 TYPE=43
# with: NAME=EVEX5 TYPE=46
# with: NAME=EVEX6 TYPE=49
# renumber: 9 TYPE
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
