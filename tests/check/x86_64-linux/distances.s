# Distances from the field, which is in code alone: code begins where the slab does, and `lea` 16 bytes behind.
# edge: from32 START+0x17-0x80000000 START+0x17+0x7fffffff 1 Delta32
        .text
        .p2align 4
        .globl  main
        .globl  lea, wide
main:   .space  16
# jitlink-check: decode_operand(lea, 4) = from32-next_pc(lea)
lea:    leaq    from32(%rip), %rax
        .size   lea, .-lea
# jitlink-check: *{8}wide = main-wide
wide:   .quad   main - .
        .reloc  wide, R_X86_64_PC64, main
# jitlink-check: next_pc(lea) = main+0x17
        retq
        .size   main, .-main
