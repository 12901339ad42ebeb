# Addresses and distances of 64 bits: every one fits.
# with: NAME=ABS64 TYPE=257 FROM=0
# with: NAME=PREL64 TYPE=260 FROM=site
# numbers: 0 16 -0x123456789abcdef0 0x123456789abcdef1
# moves: addend
# symbol: near
# renumber: 0 TYPE
# jitlink-check: *{8}site = near + addend - FROM
        .data
        .globl  site, near
        .balign 16
near:   .skip   16
        .skip   3
site:   .skip   8
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
