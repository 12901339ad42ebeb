# A symbol's size.
# kind: Size32
# moves: addend
# range: 0 0xffffffff
# jitlink-check: *{4}site = 24 + addend
        .data
        .globl  site, target
        .type   target, @object
        .size   target, 24
target: .space  24
site:   .long   0
        .reloc  site, R_X86_64_SIZE32, target + 0x1122334455667788
