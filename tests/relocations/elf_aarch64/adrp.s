# The distance of a page of 4 KiB, in pages.
# kind: Page21
# range: -0x100000000 0xfffff000 4096
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 275
# let: to = near + addend
# let: value = to - to[11:0] - (site - site[11:0])
# jitlink-check: *{4}site = 0x90000003 + (value[32:14] << 5) + (value[13:12] << 29)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   .inst 0x90000003
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
