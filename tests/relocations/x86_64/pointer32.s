# An unsigned 32-bit absolute address.
# kind: Pointer32
# define: target
# low: 0 - 4
# high: 0xffffffff - 4
# check: u32(site) == target + 4
        .section .data
        .globl  site
        .space  12
site:   .long   0
        .reloc  site, R_X86_64_32, target + 4
