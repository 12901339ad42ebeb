# The same for instructions with a REX2 prefix, whose relocation types the assembler may not know: types 9 are made 43.
# renumber: 9 43
# kind: GOTDelta32
# symbol: target
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(site + i32(site) - addend) == target
        .text
        .globl  site, target
target: ret
site:   .long   0
        .reloc  site, R_X86_64_GOTPCREL, target + 0x1122334455667788
