# The module of a thread-local: the slot of other code has the same.
# numbers: 0
# moves: addend
# symbol: second
# renumber: 0 1028
# renumber: 258 1028
# jitlink-check: *{8}site = *{8}other
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
