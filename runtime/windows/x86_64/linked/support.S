/* Helpers of Microsoft's compilers that keep nearly all registers. */

    .text

/* Touch every page of the %rax bytes below the caller's stack pointer, in order, so that the guard page moves along.
 * %r10 and %r11 may change ("x64 prolog and epilog", Microsoft). */
    .globl __chkstk
    .def __chkstk; .scl 2; .type 32; .endef
__chkstk:
    leaq 8(%rsp), %r10
    movq %r10, %r11
    subq %rax, %r11
    jae 1f
    xorl %r11d, %r11d           /* more than there are addresses: fault below the stack */
1:  andq $-0x1000, %r10
2:  cmpq %r11, %r10
    jbe 3f
    subq $0x1000, %r10
    testb $0, (%r10)
    jmp 2b
3:  ret

/* Compare %rcx with the cookie; no register changes where they are equal. */
    .globl __security_check_cookie
    .def __security_check_cookie; .scl 2; .type 32; .endef
__security_check_cookie:
    cmpq __security_cookie(%rip), %rcx
    jne 4f
    ret
4:  andq $-16, %rsp             /* nobody returns from here, whatever the stack holds */
    subq $32, %rsp
    call uruk_part_stack_overrun

/* The virtual table of type_info, which descriptions of types begin with; nobody destroys one. */
    .section .rdata,"dr"
    .globl "??_7type_info@@6B@"
    .p2align 3
"??_7type_info@@6B@":
    .quad 5f
    .text
5:  movq %rcx, %rax
    ret
