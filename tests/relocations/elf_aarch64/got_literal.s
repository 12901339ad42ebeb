# A slot of the GOT by its distance.
# kind: GOTLoadLiteral19
# range: -0x100000 0xffffc 4 aligned
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 309
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# let: value = slot + addend - site
# jitlink-check: *{4}site = 0x58000003 + (value[20:2] << 5)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   ldr x3, .
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
        .balign 8
        .globl  rel, pcrel
rel:    .quad   0
        .reloc  rel, R_AARCH64_ABS64, near
pcrel:  .word   0
        .reloc  pcrel, R_AARCH64_ABS32, near
