# The 64-bit distance to the GOT, and its name as an ordinary symbol; no edge.
# let: table = *{8}name
# jitlink-check: site + *{8}site = table
# jitlink-check: *{8}(table + *{4}slot) = site
        .data
        .globl  site, name, slot
site:   .quad   0
        .reloc  site, R_X86_64_GOTPC64, _GLOBAL_OFFSET_TABLE_
name:   .quad   0
        .reloc  name, R_X86_64_64, _GLOBAL_OFFSET_TABLE_
slot:   .long   0
        .reloc  slot, R_X86_64_GOT32, site
