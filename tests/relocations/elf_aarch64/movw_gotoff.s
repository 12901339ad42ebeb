# Wide moves of a number with a sign: a negative one makes MOVN of them, which takes the complement.
# with: NAME=MOVW_GOTOFF_G0 TYPE=300 KIND=MoveFromGOTG0 LOW=-0x10000 HIGH=0xffff TO=15 LO=0
# with: NAME=MOVW_GOTOFF_G1 TYPE=302 KIND=MoveFromGOTG1 LOW=-0x100000000 HIGH=0xffffffff TO=31 LO=16
# with: NAME=MOVW_GOTOFF_G2 TYPE=304 KIND=MoveFromGOTG2 LOW=-0x1000000000000 HIGH=0xffffffffffff TO=47 LO=32
# kind: KIND
# range: LOW HIGH
# moves: addend
# symbol: near
# renumber: 0 TYPE
# renumber: 257 307
# renumber: 258 315
# let: table = near - *{8}rel
# let: slot = pcrel + ((*{4}pcrel) + 0x80000000)[31:0] - 0x80000000
# jitlink-check: *{8}slot = near
# let: value = near + addend - table
# let: sign = value[63:63]
# let: part = value[TO:LO]
# jitlink-check: (*{4}site)[30:30] = 1 - sign
# jitlink-check: ((*{4}site)[20:5] - part) & (sign - 1) = 0
# jitlink-check: ((*{4}site)[20:5] + part - 0xffff) & (0 - sign) = 0
# jitlink-check: (*{4}site)[29:21] = 0x94
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
