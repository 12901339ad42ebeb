# The module and offset of a thread-local, in two slots: their distance.
# kind: TLSGDLiteral21
# range: -0x100000 0xfffff
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 512
# renumber: 257 512
# renumber: 258 1028
# let: slot = beside + (((*{4}beside)[23:5] << 2) + (*{4}beside)[30:29] + 0x100000)[20:0] - 0x100000
# jitlink-check: *{8}slot = *{8}wide
# let: value = slot + addend - site
# jitlink-check: *{4}site = 0x10000003 + (value[20:2] << 5) + (value[1:0] << 29)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   adr x3, .
        .reloc  site, R_AARCH64_NONE, second + 0x1122334455667788
        .globl  beside
beside: adr x4, .
        .reloc  beside, R_AARCH64_ABS64, second
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
