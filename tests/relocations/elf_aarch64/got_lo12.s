# The low 12 bits of a slot's address.
# numbers: 0 16 0x123450 -0x123450
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 312
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# jitlink-check: *{4}site = 0xf94000a3 + ((slot + addend)[11:3] << 10)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   ldr x3, [x5]
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
        .balign 8
        .globl  rel, pcrel
rel:    .quad   0
        .reloc  rel, R_AARCH64_ABS64, near
pcrel:  .word   0
        .reloc  pcrel, R_AARCH64_ABS32, near
