# Calls and jumps: E8, E9 and 0F 80 to 0F 8F in front of the field. A target in reach needs no stub.
# with: NAME=CALL OP=call AT=1
# with: NAME=JMP OP=jmp AT=1
# with: NAME=JE OP=je AT=2
# moves: define target
# numbers: 0x40100000 0x30000000 0x7fffffff
# jitlink-check: *{4}site = (target - (site + 4))[31:0]
        .text
        .globl  site
code:   OP      target
        .set    site, code + AT
