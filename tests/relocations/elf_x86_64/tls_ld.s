# A pair of slots, module and 0.
# kind: TLSLDDelta32
# moves: addend
# symbol: second
# range: -0x80000000 0x7fffffff
# let: slot = site - addend + (((*{4}site) + 0x80000000)[31:0] - 0x80000000)
# jitlink-check: *{8}slot = *{8}module
# jitlink-check: *{8}(slot + 8) = 0
        .data
        .globl  site, module, inside
site:   .long   0
        .reloc  site, R_X86_64_TLSLD, second + 0x1122334455667788
        .balign 8
module: .quad   0
        .reloc  module, R_X86_64_DTPMOD64, second
inside: .quad   0
        .reloc  inside, R_X86_64_DTPOFF64, second
        .section .tdata, "awT", @progbits
        .globl  first, second
        .type   first, @object
        .type   second, @object
        .balign 8
first:  .quad   1
second: .quad   2
