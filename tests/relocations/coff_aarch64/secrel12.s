# An offset in its section: its low 12 bits in units of what is moved, or the next 12.
# with: NAME=SECREL_LOW12A TO=11 SH=0 REST=0x910000a3 OP=add~x3,x5, OPEN= CLOSE= PART=secrel_lo12
# with: NAME=SECREL_HIGH12A TO=23 SH=12 REST=0x914000a3 OP=add~x3,x5, OPEN= CLOSE= PART=secrel_hi12
# with: NAME=SECREL_LOW12L_8 TO=11 SH=0 REST=0x394000a3 OP=ldrb~w3, OPEN=[x5, CLOSE=] PART=secrel_lo12
# with: NAME=SECREL_LOW12L_16 TO=11 SH=1 REST=0x794000a3 OP=ldrh~w3, OPEN=[x5, CLOSE=] PART=secrel_lo12
# with: NAME=SECREL_LOW12L_32 TO=11 SH=2 REST=0xb94000a3 OP=ldr~w3, OPEN=[x5, CLOSE=] PART=secrel_lo12
# with: NAME=SECREL_LOW12L_64 TO=11 SH=3 REST=0xf94000a3 OP=ldr~x3, OPEN=[x5, CLOSE=] PART=secrel_lo12
# with: NAME=SECREL_LOW12L_128 TO=11 SH=4 REST=0x3dc000a3 OP=ldr~q3, OPEN=[x5, CLOSE=] PART=secrel_lo12
# moves: text
# numbers: 0 16 4080 4096 20000
# let: value = (*{4}start) + near - first
# jitlink-check: *{4}site = REST + (value[TO:SH] << 10)
        .text
        .globl  site
        .balign 16
site:   OP OPEN :PART:near CLOSE
        .data
        .balign 4096
        .globl  first, near, start
first:  .space  16 + NUMBER
near:   .quad   0
start:  .secrel32 first
