# Branches on conditions, which count words. Where the target is out of reach, they get a stub.
# with: NAME=BRANCH19 OP=b.ne TO=20 REST=0x54000001
# with: NAME=BRANCH19_CBZ OP=cbz~x3, TO=20 REST=0xb4000003
# with: NAME=BRANCH14 OP=tbz~x3,#7, TO=15 REST=0x36380003
# moves: define target
# numbers: 0x40000000 0x40001ffc 0x3fffff00
# let: field = (target - site)[TO:2]
# jitlink-check: *{4}site = REST + (field << 5)
        .text
        .globl  site
        .balign 16
site:   OP target
