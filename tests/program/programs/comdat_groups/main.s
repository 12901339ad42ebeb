# Groups written by hand: a local signature symbol, two groups of one name, and a group that is not COMDAT.
##compilers: gcc
	.text
	.globl	main
main:
	subq	$8, %rsp
	call	shared_function@PLT
	movl	%eax, %esi
	leaq	format(%rip), %rdi
	xorl	%eax, %eax
	call	printf@PLT
	call	second
	movl	%eax, %esi
	leaq	format(%rip), %rdi
	xorl	%eax, %eax
	call	printf@PLT
	xorl	%eax, %eax
	addq	$8, %rsp
	ret
	.section .text.shared,"axG",@progbits,shared_function,comdat
	.weak	shared_function
shared_function:
	movl	shared_value(%rip), %eax
	ret
	.section .rodata.shared,"aG",@progbits,shared_function,comdat
	.weak	shared_value
shared_value:
	.long	11
	.section .text.own,"axG",@progbits,own_group
	.globl	own
own:	movl	$5, %eax
	ret
	.section .rodata
format:	.string	"%d\n"
	.section .note.GNU-stack,"",@progbits
