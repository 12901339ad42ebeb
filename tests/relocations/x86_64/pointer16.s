# 16 bits, signed or unsigned, as the assembler does not tell.
# kind: Pointer16
# define: target
# low: -0x8000
# high: 0xffff
# check: u16(site) == target & 0xffff
        .section .data
        .globl  site
        .space  3
site:   .short  0
        .reloc  site, R_X86_64_16, target
