# The same in 64 bits; no edge.
# jitlink-check: *{8}site = 26
        .data
        .globl  site, target
        .type   target, @object
        .size   target, 24
target: .space  24
site:   .quad   0
        .reloc  site, R_X86_64_SIZE64, target + 2
