# Branches and literals, in words from the instruction; a call of what is far goes through a stub.
# abs: far=0x123456789abcdef0
        .text
        .balign 16
        .globl  main, near
        .globl  call, stubbed, literal, address, condition, zero
        .globl  bit
main:
# jitlink-check: decode_operand(call, 0) = (near-call)[27:2]
call:   bl      near
        .size   call, .-call
# jitlink-check: decode_operand(stubbed, 0)[25:0] = (stub_addr(branches.o, far)-stubbed)[27:2]
# jitlink-check: *{8}(got_addr(branches.o, far)) = far
stubbed: bl     far
        .size   stubbed, .-stubbed
# jitlink-check: decode_operand(literal, 1) = (near-literal)[20:2]
literal: ldr    x0, near
        .size   literal, .-literal
# jitlink-check: decode_operand(address, 1) = near-address
address: adr    x0, near
        .size   address, .-address
# jitlink-check: decode_operand(condition, 1) = (near-condition)[20:2]
condition: b.eq near
        .size   condition, .-condition
# jitlink-check: decode_operand(zero, 1) = (near-zero)[20:2]
zero:   cbz     x0, near
        .size   zero, .-zero
# jitlink-check: decode_operand(bit, 2) = (near-bit)[15:2]
bit:    tbz     x0, #1, near
        .size   bit, .-bit
        ret
near:   ret
        .size   near, .-near
        .size   main, .-main
