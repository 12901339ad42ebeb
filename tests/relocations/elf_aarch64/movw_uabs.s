# Wide moves of an address. The last group takes every value.
# with: NAME=MOVW_UABS_G0 TYPE=263 KIND=MoveG0 HIGH=0xffff TO=15 LO=0
# with: NAME=MOVW_UABS_G1 TYPE=265 KIND=MoveG1 HIGH=0xffffffff TO=31 LO=16
# with: NAME=MOVW_UABS_G2 TYPE=267 KIND=MoveG2 HIGH=0xffffffffffff TO=47 LO=32
# kind: KIND
# range: 0 HIGH
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 TYPE
# jitlink-check: (*{4}site)[20:5] = (near + addend)[TO:LO]
# jitlink-check: (*{4}site)[31:21] = 0x694
# jitlink-check: (*{4}site)[4:0] = 3
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   movz x3, #0
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
