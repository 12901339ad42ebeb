# Branches and literals, which count words.
# with: NAME=LD_PREL_LO19 TYPE=273 KIND=LoadLiteral19 LOW=-0x100000 HIGH=0xffffc TO=20 AT=5 REST=0x58000003
# with: NAME=CONDBR19 TYPE=280 KIND=ConditionalBranch19 LOW=-0x100000 HIGH=0xffffc TO=20 AT=5 REST=0x54000001
# with: NAME=CONDBR19_CBZ TYPE=280 KIND=ConditionalBranch19 LOW=-0x100000 HIGH=0xffffc TO=20 AT=5 REST=0xb4000003
# with: NAME=TSTBR14 TYPE=279 KIND=TestAndBranch14 LOW=-0x8000 HIGH=0x7ffc TO=15 AT=5 REST=0x36380003
# with: NAME=JUMP26 TYPE=282 KIND=Branch26 LOW=-0x8000000 HIGH=0x7fffffc TO=27 AT=0 REST=0x14000000
# with: NAME=CALL26 TYPE=283 KIND=Branch26 LOW=-0x8000000 HIGH=0x7fffffc TO=27 AT=0 REST=0x94000000
# kind: KIND
# range: LOW HIGH 4 aligned
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 TYPE
# let: field = (near + addend - site)[TO:2]
# jitlink-check: *{4}site = REST + (field << AT)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   .inst REST
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
