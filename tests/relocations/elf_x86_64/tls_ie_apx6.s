# The same for instructions with an EVEX prefix of APX that begin 6 bytes before the field.
# renumber: 22 50
# kind: TLSIEDelta32
# moves: addend
# symbol: second
# range: -0x80000000 0x7fffffff
# let: slot = site - addend + (((*{4}site) + 0x80000000)[31:0] - 0x80000000)
# jitlink-check: *{8}slot = *{8}wide
        .data
        .globl  site, wide
site:   .long   0
        .reloc  site, R_X86_64_GOTTPOFF, second + 0x1122334455667788
        .balign 8
wide:   .quad   0
        .reloc  wide, R_X86_64_TPOFF64, second
        .section .tdata, "awT", @progbits
        .globl  first, second
        .type   first, @object
        .type   second, @object
        .balign 8
first:  .quad   1
second: .quad   2
