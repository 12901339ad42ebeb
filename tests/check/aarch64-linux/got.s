# Loads through the GOT of a symbol that is out of reach.
# abs: far=0x123456789abcdef0
        .text
        .balign 16
        .globl  main
        .globl  page, load
main:
# jitlink-check: decode_operand(page, 1)[20:0] = (got_addr(got.o, far)[47:12]-page[47:12])[20:0]
# jitlink-check: *{8}(got_addr(got.o, far)) = far
page:   adrp    x0, :got:far
        .size   page, .-page
# jitlink-check: decode_operand(load, 2) = got_addr(got.o, far)[11:3]
load:   ldr     x0, [x0, :got_lo12:far]
        .size   load, .-load
        ret
        .size   main, .-main
