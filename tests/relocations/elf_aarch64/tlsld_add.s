# The offset of a thread-local in its module's storage, in fields of 12 bits.
# with: NAME=TLSLD_ADD_DTPREL_HI12 TYPE=528 KIND=DTPOffsetHigh12 HIGH=0xffffff TO=23 LO=12 REST=0x914000a3
# with: NAME=TLSLD_ADD_DTPREL_LO12 TYPE=529 KIND=DTPOffsetLow12 HIGH=0xfff TO=11 LO=0 REST=0x910000a3
# with: NAME=TLSLD_LDST8_DTPREL_LO12 TYPE=531 KIND=DTPOffsetLoad8Offset12 HIGH=0xfff TO=11 LO=0 REST=0x394000a3
# kind: KIND
# range: 0 HIGH
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 TYPE
# renumber: 258 1029
# let: value = addend + *{8}wide
# jitlink-check: *{4}site = REST + (value[TO:LO] << 10)
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
