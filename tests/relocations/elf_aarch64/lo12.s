# The low 12 bits of an address, in units of what is moved; the others are cut off.
# with: NAME=ADD_ABS_LO12_NC TYPE=277 REST=0x910000a3 SH=0
# with: NAME=LDST8_ABS_LO12_NC TYPE=278 REST=0x394000a3 SH=0
# with: NAME=LDST16_ABS_LO12_NC TYPE=284 REST=0x794000a3 SH=1
# with: NAME=LDST32_ABS_LO12_NC TYPE=285 REST=0xb94000a3 SH=2
# with: NAME=LDST64_ABS_LO12_NC TYPE=286 REST=0xf94000a3 SH=3
# with: NAME=LDST128_ABS_LO12_NC TYPE=299 REST=0x3dc000a3 SH=4
# numbers: 0 16 0x123450 -0x123450
# refused: .inst 0xd503201f
# moves: addend
# symbol: near
# renumber: 0 TYPE
# jitlink-check: *{4}site = REST + ((near + addend)[11:SH] << 10)
        .text
        .globl  site, near
        .balign 16
near:   nop
        nop
        nop
        nop
site:   .inst REST
        .reloc  site, R_AARCH64_NONE, near + 0x1122334455667788
