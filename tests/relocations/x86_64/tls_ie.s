# A slot that holds the offset from the thread pointer.
# kind: TLSIEDelta32
# symbol: second
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(site + i32(site) - addend) == u64(wide)
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
