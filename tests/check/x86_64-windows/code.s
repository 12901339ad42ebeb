# Distances from the end of the instruction, with bytes behind the field, in code that begins where the slab does.
# edge: from32 START+0x17-0x80000000 START+0x17+0x7fffffff 1 PCRel32
        .text
        .p2align 4
        .globl  main
        .globl  lea, store
main:   .space  16
# jitlink-check: decode_operand(lea, 4) = from32-next_pc(lea)
lea:    leaq    from32(%rip), %rax
# jitlink-check: decode_operand(store, 3) = main-next_pc(store)
store:  movl    $0x11223344, main(%rip)
        retq
