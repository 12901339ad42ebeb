# The offset of a thread-local in its module's storage, in wide moves.
# with: NAME=TLSLD_MOVW_DTPREL_G2 TYPE=523 KIND=DTPOffsetMoveG2 LOW=-0x1000000000000 HIGH=0xffffffffffff TO=47 LO=32
# with: NAME=TLSLD_MOVW_DTPREL_G1 TYPE=524 KIND=DTPOffsetMoveG1 LOW=-0x100000000 HIGH=0xffffffff TO=31 LO=16
# with: NAME=TLSLD_MOVW_DTPREL_G0 TYPE=526 KIND=DTPOffsetMoveG0 LOW=-0x10000 HIGH=0xffff TO=15 LO=0
# kind: KIND
# range: LOW HIGH
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 TYPE
# renumber: 258 1029
# let: value = addend + *{8}wide
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
        .reloc  site, R_AARCH64_NONE, second + 0x1122334455667788
        .balign 8
        .globl  wide
wide:   .quad   0
        .reloc  wide, R_AARCH64_ABS32, second
        .section .tdata,"awT",%progbits
        .globl  first, second
        .type   first, %object
        .type   second, %object
        .balign 16
first:  .skip   16
second: .skip   16
