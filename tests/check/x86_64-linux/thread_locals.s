# Thread-locals by fixed offsets: below the thread pointer, and two of them as far apart as in their section.
# llvm: Unsupported x86-64 relocation type R_X86_64_TPOFF
        .text
        .globl  main
        .globl  short, first, second, module
main:
# jitlink-check: *{8}second = (*{8}first)+16
# jitlink-check: (*{4}(short+4))[31:0] = (*{8}first)[31:0]
short:  movl    %fs:one@tpoff, %eax
        .size   short, .-short
        retq
first:  .quad   0
        .reloc  first, R_X86_64_TPOFF64, one
second: .quad   0
        .reloc  second, R_X86_64_TPOFF64, two
module: .quad   0
        .reloc  module, R_X86_64_DTPOFF64, two
# jitlink-check: *{8}module = 16
        .size   main, .-main
        .section .tdata, "awT", @progbits
        .globl  one, two
one:    .quad   1, 2
two:    .quad   3
