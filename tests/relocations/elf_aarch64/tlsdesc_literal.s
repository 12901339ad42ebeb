# A descriptor, function and argument, as a literal; an offset that is not negative becomes a constant of the code.
# kind: TLSDescLoadLiteral19
# range: -0x100000 0xffffc 4 aligned
# refused: .inst 0xd503201f
# moves: addend
# symbol: second
# renumber: 0 560
# renumber: 257 560
# renumber: 258 1030
# let: slot = beside + 0x40 + (((*{4}beside)[23:5] << 2) + 0x100000)[20:0] - 0x100000
# let: offset = addend + *{8}wide
# let: negative = offset[63:63]
# let: value = slot + addend - site
# jitlink-check: ((*{4}site) - (0x58000003 + (value[20:2] << 5))) & (0 - negative) = 0
# jitlink-check: ((*{4}site) - (0xd2a00000 + (offset[31:16] << 5))) & (negative - 1) = 0
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   ldr x3, .
        .reloc  site, R_AARCH64_NONE, second + 0x1122334455667788
        .globl  beside
beside: ldr x4, .
        .reloc  beside, R_AARCH64_ABS64, second - 0x40
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
