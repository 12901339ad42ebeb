/* Microsoft's compilers pass a frame's address in %rdx to what they call _setjmp; the C runtime has it under other names. */

    .text
    .globl _setjmp
    .def _setjmp; .scl 2; .type 32; .endef
_setjmp:
    jmp *__imp___intrinsic_setjmp(%rip)
    .globl _setjmpex
    .def _setjmpex; .scl 2; .type 32; .endef
_setjmpex:
    jmp *__imp___intrinsic_setjmpex(%rip)
