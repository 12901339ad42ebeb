# A slot of the GOT by its offset in the GOT, or from the GOT's page.
# with: NAME=LD64_GOTOFF_LO15 TYPE=310 KIND=GOTLoad64Offset15 FROM=table
# with: NAME=LD64_GOTPAGE_LO15 TYPE=313 KIND=GOTLoad64PageOffset15 FROM=page
# kind: KIND
# range: 0 0x7ff8 8 aligned
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 TYPE
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# let: page = table - table[11:0]
# jitlink-check: *{4}site = 0xf94000a3 + ((slot + addend - FROM)[14:3] << 10)
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
