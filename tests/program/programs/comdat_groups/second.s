	.text
	.globl	second
second:
	subq	$8, %rsp
	call	own@PLT
	pushq	%rax
	subq	$8, %rsp
	call	shared_function@PLT
	addq	$8, %rsp
	popq	%rdx
	addl	%edx, %eax
	addq	$8, %rsp
	ret
	.section .text.shared,"axG",@progbits,shared_function,comdat
	.weak	shared_function
shared_function:
	movl	shared_value(%rip), %eax
	addl	$1000, %eax
	ret
	.section .rodata.shared,"aG",@progbits,shared_function,comdat
	.weak	shared_value
shared_value:
	.long	99
	.section .note.GNU-stack,"",@progbits
