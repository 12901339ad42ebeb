# 8 bits, signed or unsigned.
# kind: Pointer8
# define: target
# low: -0x80
# high: 0xff
# check: u8(site) == target & 0xff
        .section .data
        .globl  site
        .space  3
site:   .byte   0
        .reloc  site, R_X86_64_8, target
