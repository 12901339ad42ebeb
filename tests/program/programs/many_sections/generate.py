"""Write many.s: 33,000 functions and 33,000 data items, each in a section of its own."""

from __future__ import annotations

from pathlib import Path

COUNT = 33_000

functions = (
    f'.section .text.f{i},"ax"\nf{i}: movl d{i}(%rip), %eax\nret\n.section .data.d{i},"aw"\nd{i}: .long {i}\n'
    for i in range(COUNT)
)
table = "".join(f".quad f{i}\n" for i in range(COUNT))
Path("many.s").write_text(
    "".join(functions)
    + f".globl first, last, table, count\n.set first, f0\n.set last, f{COUNT - 1}\n"
    + f'.section .data.rel.ro,"aw"\n.balign 8\ntable:\n{table}count: .long {COUNT}\n'
    + '.section .note.GNU-stack,"",@progbits\n',
    "utf-8",
)
