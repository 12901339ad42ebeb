# The 64-bit distance to a GOT slot; no edge.
# let: slot = site + *{8}site
# jitlink-check: *{8}slot = target
# jitlink-check: *{4}near = (slot - near - 4)[31:0]
        .text
        .globl  site, near, target
target: ret
site:   .quad   0
        .reloc  site, R_X86_64_GOTPCREL64, target
near:   .long   0
        .reloc  near, R_X86_64_GOTPCREL, target - 4
