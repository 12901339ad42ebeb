# An unsigned 32-bit absolute address.
# kind: Pointer32
# moves: define target
# range: 0 0xffffffff
# jitlink-check: *{4}site = target + 4
        .section .data
        .globl  site
        .space  12
site:   .long   0
        .reloc  site, R_X86_64_32, target + 4
