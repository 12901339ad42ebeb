# Offsets from the thread pointer: below it on x86-64 (AMD64 psABI, TLS variant II).
# kind: TPOffset32
# moves: addend
# symbol: second
# range: -0x80000000 0x7fffffff
# jitlink-check: *{4}site = ((*{8}wide) + addend)[31:0]
# jitlink-check: *{8}wide = 8 + *{8}other
        .data
        .globl  site, wide, other
site:   .long   0
        .reloc  site, R_X86_64_TPOFF32, second + 0x1122334455667788
        .balign 8
wide:   .quad   0
        .reloc  wide, R_X86_64_TPOFF64, second
other:  .quad   0
        .reloc  other, R_X86_64_TPOFF64, first
        .section .tdata, "awT", @progbits
        .globl  first, second
        .type   first, @object
        .type   second, @object
        .balign 8
first:  .quad   1
second: .quad   2
