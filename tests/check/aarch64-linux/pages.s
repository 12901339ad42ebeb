# Pages and offsets in them. Code alone: it begins at the first multiple of 16 in the slab.
# abs: far=START+0x12345678
        .text
        .balign 16
        .globl  main, near
        .globl  page, low, load8, load16, load32, load64
        .globl  load128
main:
# jitlink-check: decode_operand(page, 1) = (far[63:12]-page[63:12])[20:0]
page:   adrp    x0, far
        .size   page, .-page
# jitlink-check: decode_operand(low, 2) = far[11:0]
low:    add     x0, x0, :lo12:far
        .size   low, .-low
# jitlink-check: decode_operand(load8, 2) = near[11:0]
load8:  ldrb    w1, [x0, :lo12:near]
        .size   load8, .-load8
# jitlink-check: decode_operand(load16, 2) = near[11:1]
load16: ldrh    w1, [x0, :lo12:near]
        .size   load16, .-load16
# jitlink-check: decode_operand(load32, 2) = near[11:2]
load32: ldr     w1, [x0, :lo12:near]
        .size   load32, .-load32
# jitlink-check: decode_operand(load64, 2) = near[11:3]
load64: ldr     x1, [x0, :lo12:near]
        .size   load64, .-load64
# jitlink-check: decode_operand(load128, 2) = near[11:4]
load128: ldr    q1, [x0, :lo12:near]
        .size   load128, .-load128
        ret
        .balign 16
near:   .xword  0, 0
        .size   main, .-main
