# Wide moves of an address whose other bits are cut off.
# with: NAME=MOVW_UABS_G0_NC TYPE=264 TO=15 LO=0
# with: NAME=MOVW_UABS_G1_NC TYPE=266 TO=31 LO=16
# with: NAME=MOVW_UABS_G2_NC TYPE=268 TO=47 LO=32
# with: NAME=MOVW_UABS_G3 TYPE=269 TO=63 LO=48
# numbers: 0 0x123456789abcdef0 -0x123456789abcdef0
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
