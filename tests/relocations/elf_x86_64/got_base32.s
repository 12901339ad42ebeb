# The distance to the GOT itself.
# kind: GOTBaseDelta32
# moves: addend
# symbol: _GLOBAL_OFFSET_TABLE_
# range: -0x80000000 0x7fffffff
# jitlink-check: *{4}site = (addend + other - site + *{8}other)[31:0]
        .text
        .globl  site, other
site:   .long   0
        .reloc  site, R_X86_64_GOTPC32, _GLOBAL_OFFSET_TABLE_ + 0x1122334455667788
other:  .quad   0
        .reloc  other, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
