# Symbols and sections with odd names: spaces, quotes, UTF-8, versions, very long, an empty section, many sections.
##compilers: gcc
	.section ".text.with space","ax",@progbits
	.globl	main
main:
	subq	$8, %rsp
	movl	"a name with spaces"(%rip), %eax
	addl	"quote'and$dollar"(%rip), %eax
	addl	"größe"(%rip), %eax
	addl	.dotted.name.7(%rip), %eax
	addl	a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name(%rip), %eax
	movl	%eax, %esi
	leaq	format(%rip), %rdi
	xorl	%eax, %eax
	call	printf@PLT
	xorl	%eax, %eax
	addq	$8, %rsp
	ret
	.section "data,with,commas","aw",@progbits
	.globl	"a name with spaces"
"a name with spaces":
	.long	1
"quote'and$dollar":
	.long	10
"größe":
	.long	100
	.section ".data.größe","aw",@progbits
	.globl	.dotted.name.7
.dotted.name.7:
	.long	1000
a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name_a_long_name:
	.long	10000
	.section .empty,"aw",@progbits
empty_label:
	.section .rodata
format:	.string	"%d\n"
	.section .note.GNU-stack,"",@progbits
