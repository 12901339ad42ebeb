# The offset of a thread-local from the thread pointer, in fields of 12 bits: the others are cut off.
# with: NAME=TLSLE_ADD_TPREL_LO12_NC TYPE=551 REST=0x910000a3 SH=0
# with: NAME=TLSLE_LDST8_TPREL_LO12_NC TYPE=553 REST=0x394000a3 SH=0
# with: NAME=TLSLE_LDST16_TPREL_LO12_NC TYPE=555 REST=0x794000a3 SH=1
# with: NAME=TLSLE_LDST32_TPREL_LO12_NC TYPE=557 REST=0xb94000a3 SH=2
# with: NAME=TLSLE_LDST64_TPREL_LO12_NC TYPE=559 REST=0xf94000a3 SH=3
# with: NAME=TLSLE_LDST128_TPREL_LO12_NC TYPE=571 REST=0x3dc000a3 SH=4
# numbers: 0 16 0x123450 -0x123450
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 TYPE
# renumber: 258 1030
# let: value = addend + *{8}wide
# jitlink-check: *{4}site = REST + (value[11:SH] << 10)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   .inst REST
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
