# The low 12 bits of an address, in units of what is moved; the others are cut off.
# with: NAME=PAGEOFFSET_12A SH=0 REST=0x910000a3 OP=add~x3,x5, OPEN= CLOSE=
# with: NAME=PAGEOFFSET_12L_8 SH=0 REST=0x394000a3 OP=ldrb~w3, OPEN=[x5, CLOSE=]
# with: NAME=PAGEOFFSET_12L_16 SH=1 REST=0x794000a3 OP=ldrh~w3, OPEN=[x5, CLOSE=]
# with: NAME=PAGEOFFSET_12L_32 SH=2 REST=0xb94000a3 OP=ldr~w3, OPEN=[x5, CLOSE=]
# with: NAME=PAGEOFFSET_12L_64 SH=3 REST=0xf94000a3 OP=ldr~x3, OPEN=[x5, CLOSE=]
# with: NAME=PAGEOFFSET_12L_128 SH=4 REST=0x3dc000a3 OP=ldr~q3, OPEN=[x5, CLOSE=]
# moves: define target
# numbers: 0 16 0x123450 0x123456789ab0
# jitlink-check: *{4}site = REST + ((target + 32)[11:SH] << 10)
        .text
        .globl  site
        .balign 16
site:   OP OPEN :lo12:target+32 CLOSE
