# A 64-bit absolute address; no edge, every value fits.
# jitlink-check: *{8}site = target + 8
# jitlink-check: *{8}back = site - 1
        .data
        .globl  target, site, back
site:   .quad   0
        .reloc  site, R_X86_64_64, target + 8
back:   .quad   0
        .reloc  back, R_X86_64_64, site - 1
target: .quad   0
