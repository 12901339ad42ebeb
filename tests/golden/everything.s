# One of each thing that `uruk show` and the graph dump tell of. Assembled: everything.o.b64 (see README.md).
        .file   "everything.cc"
        .text
        .p2align 4
        .globl  main
        .type   main, @function
main:
        .cfi_startproc
        pushq   %rbx
        .cfi_def_cfa_offset 16
        movq    weak_hook@GOTPCREL(%rip), %rax
        leaq    .Lgreeting(%rip), %rdi
        call    puts@PLT
        call    _Z5twiceIiET_S0_@PLT
        movl    %fs:counter@tpoff, %ebx
        movq    uruk_test_other_counter@gottpoff(%rip), %rax
        addl    shared_buffer(%rip), %ebx
        movl    table+8(%rip), %ecx
        call    _Z13uruk_test_farid@PLT
        leaq    __start_uruk_set(%rip), %rdx
        leaq    __dso_handle(%rip), %rdx
        popq    %rbx
        ret
        .cfi_endproc
        .size   main, .-main

        .type   start_up, @function
start_up:
        ret
        .size   start_up, .-start_up
        .type   wind_up, @function
wind_up:
        ret
        .size   wind_up, .-wind_up

        .globl  chosen
        .type   chosen, @gnu_indirect_function
chosen:
        leaq    start_up(%rip), %rax
        ret
        .size   chosen, .-chosen

        .section .text._Z5twiceIiET_S0_,"axG",@progbits,_Z5twiceIiET_S0_,comdat
        .weak   _Z5twiceIiET_S0_
        .type   _Z5twiceIiET_S0_, @function
_Z5twiceIiET_S0_:
        leal    (%rdi,%rdi), %eax
        ret
        .size   _Z5twiceIiET_S0_, .-_Z5twiceIiET_S0_

        .section .rodata.str1.1,"aMS",@progbits,1
.Lgreeting:
        .string "hello"

        .section .data.rel.ro,"aw"
        .p2align 3
        .hidden table
        .globl  table
        .type   table, @object
table:
        .quad   main
        .quad   uruk_test_elsewhere+16
        .size   table, 16

        .section uruk_set,"aw"
        .p2align 3
        .quad   chosen

        .bss
        .p2align 5
        .globl  room
        .type   room, @object
room:
        .zero   96
        .size   room, 96

        .section .tdata,"awT",@progbits
        .p2align 2
        .globl  counter
        .type   counter, @object
counter:
        .long   3
        .size   counter, 4
        .section .tbss,"awT",@nobits
        .p2align 4
        .zero   32

        .section .init_array,"aw",@init_array
        .p2align 3
        .quad   start_up
        .section .fini_array.00200,"aw",@fini_array
        .p2align 3
        .quad   wind_up

        .comm   shared_buffer, 64, 32
        .globl  build_number
        .set    build_number, 0x1234
        .weak   weak_hook
        .hidden __dso_handle
        .section .note.GNU-stack,"",@progbits
