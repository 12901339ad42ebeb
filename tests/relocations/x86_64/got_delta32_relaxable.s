# The distance to a GOT slot; with such addends no instruction is known, so nothing is relaxed.
# kind: GOTDelta32Relaxable
# symbol: target
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(other + i32(other)) == target
# check: site + i32(site) == other + i32(other) + addend
        .text
        .globl  site, other, target
target: ret
        .byte   0x48, 0x8b, 0x05
site:   .long   0
        .reloc  site, R_X86_64_REX_GOTPCRELX, target + 0x1122334455667788
        .byte   0x8b, 0x05
other:  .long   0
        .reloc  other, R_X86_64_GOTPCRELX, target
