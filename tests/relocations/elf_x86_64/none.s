# A relocation that only keeps its symbol; nothing is written.
# jitlink-check: *{4}site = 0x12345678
        .data
        .globl  site, target
site:   .long   0x12345678
        .reloc  site, R_X86_64_NONE, target
target: .long   0
