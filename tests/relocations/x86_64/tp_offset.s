# Offsets from the thread pointer: below it on x86-64 (AMD64 psABI, TLS variant II).
# kind: TPOffset32
# symbol: second
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: i32(site) == i64(wide) + addend
# check: i64(wide) - i64(other) == 8
# check: i64(wide) < 0
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
