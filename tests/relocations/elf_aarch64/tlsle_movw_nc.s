# The offset of a thread-local from the thread pointer, in wide moves.
# with: NAME=TLSLE_MOVW_TPREL_G1_NC TYPE=546 TO=31 LO=16
# with: NAME=TLSLE_MOVW_TPREL_G0_NC TYPE=548 TO=15 LO=0
# numbers: 0 0x123456789abcdef0 -0x123456789abcdef0
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 TYPE
# renumber: 258 1030
# let: value = addend + *{8}wide
# jitlink-check: (*{4}site)[20:5] = value[TO:LO]
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
