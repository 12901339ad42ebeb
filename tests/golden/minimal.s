# A function that needs nothing. Assembled: minimal.o.b64 (see README.md).
        .text
        .globl  answer
        .type   answer, @function
answer:
        movl    $42, %eax
        ret
        .size   answer, .-answer
