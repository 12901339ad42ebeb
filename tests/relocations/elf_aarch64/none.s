# Relocations that write nothing.
# with: NAME=NONE_256 TYPE=256
# with: NAME=TLSDESC_LDR TYPE=567
# with: NAME=TLSDESC_ADD TYPE=568
# moves: addend
# numbers: 0
# symbol: second
# renumber: 0 TYPE
# jitlink-check: *{4}site = 0x12345678
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   .inst 0x12345678
        .reloc  site, R_AARCH64_NONE, second + 0x1122334455667788
        .section .tdata,"awT",%progbits
        .globl  first, second
        .type   first, %object
        .type   second, %object
        .balign 16
first:  .skip   16
second: .skip   16
