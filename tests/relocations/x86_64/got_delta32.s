# The distance to a GOT slot, moved by the addend.
# kind: GOTDelta32
# symbol: target
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(near + 4 + i32(near)) == target
# check: site + i32(site) == near + 4 + i32(near) + addend
        .text
        .globl  site, near, target
target: ret
site:   .long   0
        .reloc  site, R_X86_64_GOTPCREL, target + 0x1122334455667788
near:   .long   0
        .reloc  near, R_X86_64_GOTPCREL, target - 4
