# A sign-extended 32-bit absolute address.
# kind: Pointer32Signed
# moves: define target
# range: -0x80000000 0x7fffffff
# jitlink-check: *{4}site = target[31:0]
        .section .data
        .globl  site
        .space  12
site:   .long   0
        .reloc  site, R_X86_64_32S, target
