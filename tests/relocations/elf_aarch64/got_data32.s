# Distances from the GOT, and to a slot of it, as data.
# with: NAME=GOTREL32 TYPE=308 KIND=DeltaFromGOT32 TO=near FROM=table
# with: NAME=GOTPCREL32 TYPE=315 KIND=GOTDelta32 TO=slot FROM=site
# kind: KIND
# range: -0x80000000 0x7fffffff
# moves: addend
# symbol: near
# renumber: 0 TYPE
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# jitlink-check: *{4}site = (TO + addend - FROM)[31:0]
        .data
        .globl  site, near
        .balign 16
near:   .skip   16
        .skip   3
site:   .skip   4
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
        .balign 8
        .globl  rel, pcrel
rel:    .quad   0
        .reloc  rel, R_AARCH64_ABS64, near
pcrel:  .word   0
        .reloc  pcrel, R_AARCH64_ABS32, near
