# Loads through the GOT: of a far symbol from its slot; of a near one the address itself.
# abs: far=0x123456789abcdef0
        .text
        .globl  main, near
        .globl  load, call, relaxed, table, offset, slot
main:
# jitlink-check: decode_operand(load, 4) = got_addr(got.o, far)-next_pc(load)
# jitlink-check: *{8}(got_addr(got.o, far)) = far
load:   movq    far@GOTPCREL(%rip), %rax
        .size   load, .-load
# jitlink-check: decode_operand(call, 3) = got_addr(got.o, far)-next_pc(call)
call:   callq   *far@GOTPCREL(%rip)
        .size   call, .-call
# jitlink-check: decode_operand(relaxed, 4) = near-next_pc(relaxed)
# jitlink-check: (*{4}relaxed)[23:0] = 0x058d48
relaxed: movq   near@GOTPCREL(%rip), %rax
        .size   relaxed, .-relaxed
# jitlink-check: decode_operand(table, 4) = _GLOBAL_OFFSET_TABLE_-next_pc(table)
table:  leaq    _GLOBAL_OFFSET_TABLE_(%rip), %rax
        .size   table, .-table
# jitlink-check: decode_operand(offset, 1) = near-_GLOBAL_OFFSET_TABLE_
offset: movabsq $near@GOTOFF, %rax
        .size   offset, .-offset
# jitlink-check: decode_operand(slot, 1) = got_addr(got.o, near)-_GLOBAL_OFFSET_TABLE_
slot:   movabsq $near@GOT, %rax
        .size   slot, .-slot
        retq
        .size   main, .-main
near:   retq
        .size   near, .-near
