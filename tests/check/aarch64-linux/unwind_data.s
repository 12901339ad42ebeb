# Symbols in unwind data, of which records go with their functions: they keep an address as long as their record lives.
        .text
        .p2align 4
        .globl  main, second
main:
        ret
        .size   main, .-main
second:
        ret
        .size   second, .-second
        .section .text.unused,"ax",@progbits
        .globl  unused
unused:
        ret
        .size   unused, .-unused
        .section .eh_frame,"a",@progbits
        .globl  cie, fde_of_main, fde_of_second
cie:    .long   1f-cie-4, 0
        .byte   1
        .asciz  "zR"
        .byte   1, 0x78, 30, 1, 0x1b, 0, 0
        .balign 4
1:      .size   cie, .-cie
fde_of_unused:
        .long   20, fde_of_unused-cie+4
        .long   unused-., 2, 0, 0
fde_of_main:
# jitlink-check: *{4}(cie+4) = 0
# jitlink-check: *{4}fde_of_main = 20
# jitlink-check: *{4}(fde_of_main+4) = fde_of_main-cie+4
        .long   20, fde_of_main-cie+4
# jitlink-check: *{4}(fde_of_main+8) = (main-(fde_of_main+8))[31:0]
        .long   main-., 2, 0, 0
        .size   fde_of_main, .-fde_of_main
fde_of_second:
# jitlink-check: *{4}(fde_of_second+4) = fde_of_second-cie+4
        .long   20, fde_of_second-cie+4
# jitlink-check: *{4}(fde_of_second+8) = (second-(fde_of_second+8))[31:0]
        .long   second-., 2, 0, 0
        .size   fde_of_second, .-fde_of_second
