# Branches, which count words.
# with: NAME=BRANCH26_B OP=b TO=27 AT=0 REST=0x14000000
# with: NAME=BRANCH26_BL OP=bl TO=27 AT=0 REST=0x94000000
# moves: define target
# numbers: 0x40100000 0x3fff0000
# let: field = (target - site)[TO:2]
# jitlink-check: *{4}site = REST + (field << AT)
        .text
        .globl  site
        .balign 16
site:   OP target
