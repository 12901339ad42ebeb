# Both edges of an address and of a literal, which reach 1 MiB. Code alone: it begins at the first multiple of 16.
# edge: any START-0x100000 START+0xfffff 1 ADRLiteral21
# edge: word START+4-0x100000 START+4+0xffffc 4 LDRLiteral19
        .text
        .balign 16
        .globl  main, literal
main:
# jitlink-check: decode_operand(main, 1)[20:0] = (any-main)[20:0]
        adr     x0, any
# jitlink-check: decode_operand(literal, 1)[18:0] = (word-literal)[20:2]
literal: ldr    x0, word
        .size   literal, .-literal
        ret
        .size   main, .-main
