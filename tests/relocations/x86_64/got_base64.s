# The 64-bit distance to the GOT, and its name as an ordinary symbol; no edge.
# check: site + i64(site) == u64(name)
# check: u64(u64(name) + i32(slot)) == site
        .data
        .globl  site, name, slot
site:   .quad   0
        .reloc  site, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
name:   .quad   0
        .reloc  name, R_X86_64_64, _GLOBAL_OFFSET_TABLE_
slot:   .long   0
        .reloc  slot, R_X86_64_GOT32, site
