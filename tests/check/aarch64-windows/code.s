# Branches and pages of COFF on AArch64, which JITLink does not read.
# llvm: nsupported
# edge: target START+0x10-0x8000000 START+0x10+0x7fffffc 4 Branch26PCRel
        .text
        .p2align 4
        .globl  main
        .globl  call, page, low
main:   .space  16
# jitlink-check: decode_operand(call, 0)[25:0] = (target-call)[27:2]
call:   bl      target
# jitlink-check: decode_operand(page, 1) = (wide[63:12]-page[63:12])[20:0]
page:   adrp    x0, wide
# jitlink-check: decode_operand(low, 2) = wide[11:0]
low:    add     x0, x0, :lo12:wide
        ret
        .p2align 4
# jitlink-check: *{8}wide = main+4
wide:   .xword  main+4
