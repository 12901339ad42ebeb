# A 32-bit distance to data. The target is part of the batch, so that no place would suit it better.
# kind: Delta32
# absolute: target
# start: near
# low: site + 4 - 0x80000000
# high: site + 4 + 0x7fffffff
# check: i32(site) == target - 4 - site
        .section .data
        .globl  site
        .space  12
site:   .long   0
        .reloc  site, R_X86_64_PC32, target - 4
