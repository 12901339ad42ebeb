# Where in the GOT a slot lies.
# kind: GOTOffset32
# symbol: target
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(got + i64(got) + i32(site) - addend) == target
        .text
        .globl  site, got, target
target: ret
site:   .long   0
        .reloc  site, R_X86_64_GOT32, target + 0x1122334455667788
got:    .quad   0
        .reloc  got, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
