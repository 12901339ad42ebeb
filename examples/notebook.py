"""Cells of C++, as in a notebook: a new definition replaces the old one for all callers, a crash is an exception."""

from __future__ import annotations

import uruk

CELLS = [
    "int price(int n) { return 3 * n; }",
    "int total(int n) { return price(n) + 10; }",
    "int price(int n) { return 5 * n; }",
    "int bad(int n) { return *(volatile int *)(long)n; }",
]


class Notebook:
    def __init__(self) -> None:
        self.jit = uruk.LLJIT(executor=uruk.spawn())
        self.code: dict[str, uruk.ResourceTracker] = {}
        self.declared = ""

    def run(self, cell: str) -> None:
        name = cell.partition("(")[0].split()[-1]
        if name in self.code:
            return self.code[name].replace(text=self.declared + cell)
        self.declared += f'extern "C" {cell.partition(" {")[0]};\n'
        self.code[name] = self.jit.add_source(text=self.declared + cell, language="c++", flags=["-g"], replaceable=True)
        return None

    def call(self, name: str, number: int) -> object:
        try:
            return self.jit.lookup(name)(number)
        except uruk.ExecutorCrashed as error:
            return f"crashed in {error.where.split('+')[0]}"


notebook = Notebook()
for cell, name in zip(CELLS, ("price", "total", "total", "bad"), strict=True):
    notebook.run(cell)
    print(name, notebook.call(name, 16))
