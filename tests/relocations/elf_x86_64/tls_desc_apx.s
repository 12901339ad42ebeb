# The same for instructions of APX, whose relocation types the assembler may not know: with a REX2 prefix, and with EVEX
# prefixes where 5 or 6 bytes lie before the field.
# with: NAME=REX2 TYPE=45
# with: NAME=EVEX5 TYPE=48
# with: NAME=EVEX6 TYPE=51
# renumber: 34 TYPE
# kind: TLSDescDelta32
# moves: addend
# symbol: second
# range: -0x80000000 0x7fffffff
# let: slot = site - addend + (((*{4}site) + 0x80000000)[31:0] - 0x80000000)
# jitlink-check: *{1}call = 0xff
# jitlink-check: *{8}(slot + 8) = *{8}(slot + 8)
        .data
        .globl  site, call
site:   .long   0
        .reloc  site, R_X86_64_GOTPC32_TLSDESC, second + 0x1122334455667788
        .balign 8
call:   .byte   0xff, 0x10
        .reloc  call, R_X86_64_TLSDESC_CALL, second
        .section .tdata, "awT", @progbits
        .globl  first, second
        .type   first, @object
        .type   second, @object
        .balign 8
first:  .quad   1
second: .quad   2
