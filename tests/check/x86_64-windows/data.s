# Addresses, and offsets in the section of the target.
        .text
        .globl  main
main:   leaq    wide(%rip), %rax
        retq
        .data
        .globl  wide, second
# jitlink-check: *{8}wide = second+8
wide:   .quad   second+8
# jitlink-check: *{4}(wide+8) = 16
second = wide+16
        .secrel32 second
# jitlink-check: *{2}(wide+12) = 2
        .secidx second
        .short  0
        .quad   0
