# A 64-bit distance; no edge.
# jitlink-check: *{8}site = target - site + 16
# jitlink-check: *{8}far = 0 - far
        .data
        .globl  target, site, far
        .weak   nobody_defines_this
site:   .quad   0
        .reloc  site, R_X86_64_PC64, target + 16
far:    .quad   0
        .reloc  far, R_X86_64_PC64, nobody_defines_this
        .text
target: ret
