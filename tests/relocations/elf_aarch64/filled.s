# What a field held before does not come through, and its registers stay.
# numbers: 0 16 0x123450
# moves: addend
# symbol: near
# renumber: 0 277
# jitlink-check: *{4}site = 0x910002a7 + ((near + addend)[11:0] << 10)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   add x7, x21, #0xfff
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
