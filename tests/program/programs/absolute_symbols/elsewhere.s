	.globl	elsewhere
	.set	elsewhere, 123
	.section .note.GNU-stack,"",@progbits
