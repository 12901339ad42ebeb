# The 64-bit distance to a GOT slot; no edge.
# check: u64(site + i64(site)) == target
# check: site + i64(site) == near + 4 + i32(near)
        .text
        .globl  site, near, target
target: ret
site:   .quad   0
        .reloc  site, R_X86_64_GOTPCREL64, target
near:   .long   0
        .reloc  near, R_X86_64_GOTPCREL, target - 4
