        .section .gnu.linkonce.t.shared_function,"ax",@progbits
        .globl shared_function
        .type shared_function, @function
shared_function:
        .cfi_startproc
        movl $7, %eax
        ret
        .cfi_endproc
        .size shared_function, . - shared_function
        .section .gnu.linkonce.d.shared_data,"aw",@progbits
        .globl shared_data
shared_data: .long 107
        .section .gnu.linkonce.r.only_first,"a",@progbits
only_first: .long 100
        .text
        .globl from_first
from_first:
        .cfi_startproc
        call shared_function@PLT
        addl only_first(%rip), %eax
        ret
        .cfi_endproc
        .section .data.rel,"aw",@progbits
        .globl data_of_first
data_of_first: .quad shared_data
        .section .note.GNU-stack,"",@progbits
