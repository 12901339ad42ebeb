# The offset of a thread-local from the thread pointer, in a slot: its page.
# kind: TLSIEPage21
# range: -0x100000000 0xfffff000 4096
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 541
# renumber: 257 543
# renumber: 258 1030
# let: slot = beside + (((*{4}beside)[23:5] << 2) + 0x100000)[20:0] - 0x100000
# jitlink-check: *{8}slot = *{8}wide
# let: to = slot + addend
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
        .reloc  site, R_AARCH64_NONE, second + 0x1122334455667788
        .globl  beside
beside: ldr x4, .
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
