# Addresses as data and in instructions. Targets are absolute, so that the numbers are the ranges themselves.
# edge: in32 0 0xffffffff 1 Pointer32
# edge: signed32 -0x80000000 0x7fffffff 1 Pointer32Signed
# abs: in16=0xffff
# abs: in8=0xff
# abs: in64=0xfedcba9876543210
        .text
        .globl  main
        .globl  move32, load, move64
main:
# jitlink-check: decode_operand(move32, 1)[31:0] = in32
move32: movl    $in32, %eax
        .size   move32, .-move32
# jitlink-check: decode_operand(load, 4) = signed32
load:   movl    signed32, %eax
        .size   load, .-load
# jitlink-check: decode_operand(move64, 1) = in64
move64: movabsq $in64, %rax
        .size   move64, .-move64
        leaq    wide(%rip), %rax
        retq
        .size   main, .-main
        .data
        .globl  wide
# jitlink-check: *{8}wide = in64
wide:   .quad   in64
# jitlink-check: *{8}(wide+8) = wide-16
        .quad   wide-16
# jitlink-check: *{4}(wide+16) = in32
        .long   in32
# jitlink-check: *{2}(wide+20) = in16
        .short  in16
# jitlink-check: *{1}(wide+22) = in8
        .byte   in8
# jitlink-check: *{1}(wide+23) = 0x77
        .byte   0x77
