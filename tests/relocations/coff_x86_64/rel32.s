# Distances from the end of the instruction, which has up to five bytes behind the field.
# with: NAME=REL32 TYPE=4 MORE=0
# with: NAME=REL32_1 TYPE=5 MORE=1
# with: NAME=REL32_2 TYPE=6 MORE=2
# with: NAME=REL32_3 TYPE=7 MORE=3
# with: NAME=REL32_4 TYPE=8 MORE=4
# with: NAME=REL32_5 TYPE=9 MORE=5
# kind: Delta32
# moves: define target
# range: -0x80000000 0x7fffffff
# renumber: 4 TYPE
# jitlink-check: *{4}site = (target + 16 - (site + 4 + MORE))[31:0]
        .text
        .globl  site
lea:    leaq    target+16(%rip), %rax
        .set    site, lea + 3
        .space  5
