# The page of a slot of the GOT.
# kind: GOTPage21
# range: -0x100000000 0xfffff000 4096
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 311
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# let: to = slot + addend
# let: value = to - to[11:0] - (site - site[11:0])
# jitlink-check: *{4}site = 0x90000003 + (value[32:14] << 5) + (value[13:12] << 29)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   .inst 0x90000003
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
        .balign 8
        .globl  rel, pcrel
rel:    .quad   0
        .reloc  rel, R_AARCH64_ABS64, near
pcrel:  .word   0
        .reloc  pcrel, R_AARCH64_ABS32, near
