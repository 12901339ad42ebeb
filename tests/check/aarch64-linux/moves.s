# An address by four wide moves, and as data.
# abs: in32=0xffffffff
# abs: in64=0xfedcba9876543210
        .text
        .balign 16
        .globl  main
        .globl  g0, g1, g2, g3, narrow, wide
main:
# jitlink-check: decode_operand(g0, 2) = in64[15:0]
g0:     movk    x0, #:abs_g0_nc:in64
        .size   g0, .-g0
# jitlink-check: decode_operand(g1, 2) = in64[31:16]
g1:     movk    x0, #:abs_g1_nc:in64
        .size   g1, .-g1
# jitlink-check: decode_operand(g2, 2) = in64[47:32]
g2:     movk    x0, #:abs_g2_nc:in64
        .size   g2, .-g2
# jitlink-check: decode_operand(g3, 2) = in64[63:48]
g3:     movk    x0, #:abs_g3:in64
        .size   g3, .-g3
        ret
# jitlink-check: *{4}narrow = in32
narrow: .word   in32
# jitlink-check: *{8}wide = in64
wide:   .xword  in64
        .size   main, .-main
