	.globl	absolute_small, absolute_negative
	.set	absolute_small, 0x7b
	.set	absolute_negative, -5
	.macro	public name
	.globl	\name
\name:
	.endm
	.data
	public	field8
	.byte	elsewhere
	public	field16
	.2byte	elsewhere + 1000
	public	field32
	.long	elsewhere + 100000
	public	negative
	.quad	absolute_negative
	public	field64
	.quad	elsewhere + 1
	public	size32
	.long	table@SIZE
	public	size64
	.quad	table@SIZE + 2
	public	relative8
	.byte	target - .
	public	relative16
	.2byte	target - .
	public	relative32
	.long	target - .
	public	relative64
	.quad	target - .
	.text
	public	field32s
	movq	$elsewhere - 200, %rax
	ret
	.section .data.target,"aw"
	.zero	3
	public	target
	.byte	0
	.section .note.GNU-stack,"",@progbits
