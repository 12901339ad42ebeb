# The distance of a page of 4 KiB, in pages; the field holds an addend in bytes.
# kind: Page21
# moves: define target
# range: -0x100000000 0xfffff000 4096
# let: to = target + 0x1234
# let: value = to - to[11:0] - (site - site[11:0])
# jitlink-check: *{4}site = 0x90000003 + (value[32:14] << 5) + (value[13:12] << 29)
        .text
        .globl  site
        .balign 16
site:   adrp x3, target+0x1234
