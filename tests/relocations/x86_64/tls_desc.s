# A descriptor, function and argument; the call's own relocation writes nothing.
# kind: TLSDescDelta32
# symbol: second
# low: -0x80000000 - i32(site)
# high: 0x7fffffff - i32(site)
# check: u64(site + i32(site) - addend) != 0 and u8(call) == 0xff
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
