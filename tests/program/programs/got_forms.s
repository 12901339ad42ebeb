# Every way to the GOT and the PLT that compilers rarely emit: GOT64, GOTPCREL64, GOTPLT64, PLTOFF64, GOTOFF64, GOTPC32,
# towards own data, own code and the C library; and thread-locals by TPOFF64 and by GOTTPOFF in an addition.
##compilers: gcc clang
	.text
	.globl	main
main:
	pushq	%rbx
	pushq	%r12
	subq	$8, %rsp
	leaq	_GLOBAL_OFFSET_TABLE_(%rip), %rbx
	movabsq	$value@GOT, %rax
	movq	(%rbx,%rax), %rax
	movl	(%rax), %r12d
	movabsq	$value@GOTOFF, %rax
	addl	(%rbx,%rax), %r12d
	movabsq	$value@GOTOFF+4, %rax
	addl	(%rbx,%rax), %r12d
1:	.reloc	. + 2, R_X86_64_GOTPCREL64, value
	movabsq	$0, %rax
	leaq	1b+2(%rip), %rcx
	movq	(%rcx,%rax), %rax
	addl	(%rax), %r12d
	movabsq	$function@PLTOFF, %rax
	addq	%rbx, %rax
	call	*%rax
	addl	%eax, %r12d
	.reloc	. + 2, R_X86_64_GOTPLT64, function
	movabsq	$0, %rax
	call	*(%rbx,%rax)
	addl	%eax, %r12d
	movl	%r12d, %edi
	call	show
	movabsq	$puts@PLTOFF, %rax
	addq	%rbx, %rax
	leaq	text(%rip), %rdi
	call	*%rax
	.reloc	. + 2, R_X86_64_GOTPLT64, puts
	movabsq	$0, %rax
	leaq	text+4(%rip), %rdi
	call	*(%rbx,%rax)
	movabsq	$local@TPOFF, %rax
	movl	%fs:(%rax), %edi
	movq	%fs:0, %rax
	addq	local@GOTTPOFF(%rip), %rax
	addl	(%rax), %edi
	movq	local@GOTTPOFF(%rip), %rax
	addl	%fs:(%rax), %edi
	call	show
	xorl	%eax, %eax
	addq	$8, %rsp
	popq	%r12
	popq	%rbx
	ret
show:
	subq	$8, %rsp
	movl	%edi, %esi
	leaq	format(%rip), %rdi
	xorl	%eax, %eax
	call	printf@PLT
	addq	$8, %rsp
	ret
	.globl	function, value
	.type	function, @function
function:
	movl	$1000, %eax
	ret
	.data
value:
	.long	1, 20
	.section .tdata,"awT",@progbits
	.long	5
local:
	.long	7
	.section .rodata
format:	.string	"%d\n"
text:	.string	"the text"
	.section .note.GNU-stack,"",@progbits
