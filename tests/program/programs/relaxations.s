# Every instruction that GOTPCRELX relaxation knows, towards near code, libc code, data, weak undefined and absolute.
##compilers: gcc clang
	.text
	.globl	main
main:
	pushq	%rbx
	movq	near_data@GOTPCREL(%rip), %rax
	movl	(%rax), %ebx
	call	*near_code@GOTPCREL(%rip)
	addl	%eax, %ebx
	movl	near_absolute@GOTPCREL(%rip), %eax
	addl	%eax, %ebx
	movq	nothing@GOTPCREL(%rip), %rax
	testq	%rax, %rax
	jne	bad
	xorl	%edx, %edx
	addq	near_absolute@GOTPCREL(%rip), %rdx
	subq	near_absolute@GOTPCREL(%rip), %rdx
	orq	near_absolute@GOTPCREL(%rip), %rdx
	andq	near_absolute@GOTPCREL(%rip), %rdx
	xorq	near_absolute@GOTPCREL(%rip), %rdx
	adcq	near_absolute@GOTPCREL(%rip), %rdx
	stc
	sbbq	near_absolute@GOTPCREL(%rip), %rdx
	cmpq	near_absolute@GOTPCREL(%rip), %rdx
	je	bad
	leaq	near_data(%rip), %rcx
	cmpq	near_data@GOTPCREL(%rip), %rcx
	jne	bad
	testq	%rcx, near_data@GOTPCREL(%rip)
	je	bad
	movq	puts@GOTPCREL(%rip), %r11
	leaq	text(%rip), %rdi
	call	*%r11
	movl	%ebx, %esi
	leaq	format(%rip), %rdi
	xorl	%eax, %eax
	call	*printf@GOTPCREL(%rip)
	pushq	near_absolute@GOTPCREL(%rip)
	popq	%rax
	popq	%rbx
	jmp	*finish@GOTPCREL(%rip)
bad:
	movl	$99, %eax
	popq	%rbx
	ret
finish:
	subl	$40, %eax
	ret
	.globl	near_code, near_data, near_absolute
near_code:
	movl	$1000, %eax
	ret
	.data
near_data:
	.long	100
	.set	near_absolute, 40
	.weak	nothing
	.section .rodata
format:	.string	"%d\n"
text:	.string	"puts through a register"
	.section .note.GNU-stack,"",@progbits
