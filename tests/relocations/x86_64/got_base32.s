# The distance to the GOT itself.
# kind: GOTBaseDelta32
# symbol: _GLOBAL_OFFSET_TABLE_
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: site + i32(site) - addend == other + i64(other)
        .text
        .globl  site, other
site:   .long   0
        .reloc  site, R_X86_64_GOTPC32, _GLOBAL_OFFSET_TABLE_ + 0x1122334455667788
other:  .quad   0
        .reloc  other, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
