# Calls: direct where the target is in reach, else through a stub, which jumps by a slot of the GOT.
# abs: far=0x123456789abcdef0
# abs: close=START+0x100000
        .text
        .globl  main, local
        .globl  direct, reached, stubbed, again
main:
# jitlink-check: decode_operand(direct, 0) = local-next_pc(direct)
direct: callq   local
        .size   direct, .-direct
# jitlink-check: decode_operand(reached, 0) = close-next_pc(reached)
reached: callq  close
        .size   reached, .-reached
# jitlink-check: decode_operand(stubbed, 0) = stub_addr(calls.o, far)-next_pc(stubbed)
# jitlink-check: *{2}(stub_addr(calls.o, far)) = 0x25ff
# jitlink-check: *{8}(got_addr(calls.o, far)) = far
# jitlink-check: (stub_addr(calls.o, far)+6+*{4}(stub_addr(calls.o, far)+2))[31:0] = got_addr(calls.o, far)[31:0]
stubbed: callq  far
        .size   stubbed, .-stubbed
# jitlink-check: decode_operand(again, 0) = stub_addr(calls.o, far)-next_pc(again)
again:  jmp     far
        .size   again, .-again
        retq
        .size   main, .-main
local:  retq
        .size   local, .-local
