# A pair of slots, module and 0.
# kind: TLSLDDelta32
# symbol: second
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(site + i32(site) - addend) == u64(module) and u64(site + i32(site) - addend + 8) == 0
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
