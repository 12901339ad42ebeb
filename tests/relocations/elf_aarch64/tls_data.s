# Offsets of thread-locals as data: every one fits.
# with: NAME=TLS_DTPREL TYPE=1029 BESIDE=1029
# with: NAME=TLS_TPREL TYPE=1030 BESIDE=1030
# numbers: 0 16 -0x123456789abcdef0
# moves: addend
# symbol: second
# renumber: 0 TYPE
# renumber: 258 BESIDE
# jitlink-check: *{8}site = addend + 16 + *{8}other
        .data
        .globl  site, near
        .balign 16
near:   .skip   16
        .skip   3
site:   .skip   8
        .reloc  site, R_AARCH64_NONE, second + 0x1122334455667788
        .globl  other
other:  .quad   0
        .reloc  other, R_AARCH64_ABS32, first
        .section .tdata,"awT",%progbits
        .globl  first, second
        .type   first, %object
        .type   second, %object
        .balign 16
first:  .skip   16
second: .skip   16
