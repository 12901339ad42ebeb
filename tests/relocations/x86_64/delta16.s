# A 16-bit distance.
# kind: Delta16
# absolute: target
# start: near
# low: site - 0x8000
# high: site + 0x7fff
# check: i16(site) == target - site
        .text
        .globl  site
        .space  3
site:   .short  0
        .reloc  site, R_X86_64_PC16, target
