        .section .gnu.linkonce.t.shared_function,"ax",@progbits
        .globl shared_function
        .type shared_function, @function
shared_function:
        .cfi_startproc
        movl $8, %eax
        ret
        .cfi_endproc
        .size shared_function, . - shared_function
        .section .gnu.linkonce.d.shared_data,"aw",@progbits
        .globl shared_data
shared_data: .long 108
        .section .gnu.linkonce.r.only_second,"a",@progbits
only_second: .long 100
        .text
        .globl from_second
from_second:
        .cfi_startproc
        call shared_function@PLT
        addl only_second(%rip), %eax
        ret
        .cfi_endproc
        .section .data.rel,"aw",@progbits
        .globl data_of_second
data_of_second: .quad shared_data
        .section .note.GNU-stack,"",@progbits
