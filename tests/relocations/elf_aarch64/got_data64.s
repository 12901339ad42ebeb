# A distance from the GOT: every one fits.
# numbers: 0 0x123456789abcdef0 -0x123456789abcdef0
# moves: addend
# symbol: near
# renumber: 0 307
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# jitlink-check: *{8}site = near + addend - table
        .data
        .globl  site, near
        .balign 16
near:   .skip   16
        .skip   3
site:   .skip   8
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
        .balign 8
        .globl  rel, pcrel
rel:    .quad   0
        .reloc  rel, R_AARCH64_ABS64, near
pcrel:  .word   0
        .reloc  pcrel, R_AARCH64_ABS32, near
