/* Assembly: save registers on the stack, and restore them. */

/* Pairs of registers at `at` from the stack pointer, each of `size` bytes. */
        .macro STORE_PAIRS at, size, first, second, rest:vararg
        stp     \first, \second, [sp, #(\at)]
        .ifnb   \rest
        STORE_PAIRS \at + 2 * \size, \size, \rest
        .endif
        .endm

        .macro LOAD_PAIRS at, size, first, second, rest:vararg
        ldp     \first, \second, [sp, #(\at)]
        .ifnb   \rest
        LOAD_PAIRS \at + 2 * \size, \size, \rest
        .endif
        .endm

#define VECTORS q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15, q16, q17, q18, q19, q20, q21, \
        q22, q23, q24, q25, q26, q27, q28, q29, q30, q31

/* All vector registers. The registers of 16 bytes are pushed, and popped: nothing may be on the stack above them when they are restored. The
 * upper parts of longer (SVE) registers belong to the caller of an ordinary function, and to glibc's own descriptors. */

        .macro SAVE_VECTORS
        sub     sp, sp, #512
        STORE_PAIRS 0, 16, VECTORS
        .endm

        .macro RESTORE_VECTORS
        LOAD_PAIRS 0, 16, VECTORS
        add     sp, sp, #512
        .endm
