# A sign-extended 32-bit absolute address.
# kind: Pointer32Signed
# define: target
# low: -0x80000000
# high: 0x7fffffff
# check: i32(site) == target
        .section .data
        .globl  site
        .space  12
site:   .long   0
        .reloc  site, R_X86_64_32S, target
