# Wide moves of a distance from the GOT whose other bits are cut off.
# with: NAME=MOVW_GOTOFF_G0_NC TYPE=301 TO=15 LO=0
# with: NAME=MOVW_GOTOFF_G1_NC TYPE=303 TO=31 LO=16
# with: NAME=MOVW_GOTOFF_G2_NC TYPE=305 TO=47 LO=32
# numbers: 0 0x123456789abcdef0 -0x123456789abcdef0
# moves: addend
# symbol: near
# renumber: 0 TYPE
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# jitlink-check: (*{4}site)[20:5] = (near + addend - table)[TO:LO]
# jitlink-check: (*{4}site)[31:21] = 0x694
# jitlink-check: (*{4}site)[4:0] = 3
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   movz x3, #0
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
        .balign 8
        .globl  rel, pcrel
rel:    .quad   0
        .reloc  rel, R_AARCH64_ABS64, near
pcrel:  .word   0
        .reloc  pcrel, R_AARCH64_ABS32, near
