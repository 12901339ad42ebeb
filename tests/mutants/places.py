"""Places of the package where a small change should be noticed by a test, and the changed texts."""

from __future__ import annotations

import ast
import copy
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from left_alone import EQUIVALENT, KEYWORDS, TUNING

FOLDERS = ("passes", "formats", "graph")
"""The rooms of the package that are broken."""

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: `before` becomes `after`, which is parenthesised, at `start` to `end` of the file's text."""

    file: str
    line: int
    function: str
    before: str
    after: str
    turn: int
    """Counts equal changes of one function."""
    start: int
    end: int

    @property
    def key(self) -> str:
        """A name that changes elsewhere in the file leave as it is."""
        turn = f" #{self.turn}" if self.turn else ""
        return f"{self.file} {self.function}: {self.before} -> {self.after}{turn}"

    def apply(self, text: str) -> str:
        """The changed text of the file."""
        return f"{text[: self.start]}({self.after}){text[self.end :]}"


def _changed(node: ast.expr) -> Iterator[ast.expr]:
    """Every expression that differs from `node` by one operator, or by a constant."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[at] = _COMPARED[type(operator)]()
            yield changed
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED and not _is_text_or_type(node):
        changed = copy.deepcopy(node)
        changed.op = _COMPUTED[type(node.op)]()
        yield changed
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield changed
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, ast.USub) or not isinstance(node.operand, ast.Constant):
            yield node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int):
            yield ast.Constant(node.value + 1)


def _is_text_or_type(node: ast.BinOp) -> bool:
    """True for texts and lists that are joined, and for unions of types."""
    for side in (node.left, node.right):
        if isinstance(side, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp):
            return True
        if isinstance(side, ast.Constant) and (side.value is None or isinstance(side.value, str | bytes)):
            return True
    return isinstance(node.op, ast.BitOr) and all(
        isinstance(side, ast.Name) and side.id[0].isupper() and not side.id.isupper()
        for side in (node.left, node.right)
    )


class _Finder(ast.NodeVisitor):
    """Collects the expressions of a module that are changed, each with the function that it stands in."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        self.file = file
        self.path: list[str] = []
        self.found: list[tuple[str, ast.expr]] = []
        self.tuning = _tuning_names(file, tree)

    def visit(self, node: ast.AST) -> None:
        """Collect a node and what is below it."""
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg in KEYWORDS):
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            # numpy works out a dimension of any negative number: -2 is as good as -1.
            node = copy.copy(node)
            node.args = [size for size in node.args if ast.unparse(size) != "-1"]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self._visit_definition(node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None and not self._is_tuning(node.target):
                self.visit(node.value)
        elif isinstance(node, ast.Assign) and self._is_tuning(node.targets[0]):
            return
        else:
            if isinstance(node, ast.expr) and not self._is_bound(node):
                self.found.append((".".join(self.path), node))
            self.generic_visit(node)

    def _visit_definition(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        """Visit bodies and defaults; decorators, bases and annotations say nothing that runs."""
        self.path.append(node.name)
        if isinstance(node, ast.FunctionDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self.path.pop()

    def _is_bound(self, node: ast.expr) -> bool:
        """True where a tuning number itself is compared or multiplied: if it is reached is as arbitrary as it is."""
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            sides += [part for side in sides if isinstance(side, ast.BinOp) for part in (side.left, side.right)]
        elif isinstance(node, ast.BinOp):
            sides = [node.left, node.right]
        return any(isinstance(side, ast.Name) and side.id in self.tuning for side in sides)

    def _is_tuning(self, target: ast.expr) -> bool:
        return not self.path and isinstance(target, ast.Name) and (self.file, target.id) in TUNING


def _tuning_names(file: str, tree: ast.Module) -> set[str]:
    """The tuning numbers that a module defines or imports."""
    names = {name for owner, name in TUNING if owner == file}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            owner = node.module.removeprefix("uruk.").replace(".", "/") + ".py"
            names |= {alias.name for alias in node.names if (owner, alias.name) in TUNING}
    return names


def _offsets(text: str) -> list[int]:
    """The byte at which each line starts."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """Every change of one file."""
    tree = ast.parse(text, file)
    finder = _Finder(file, tree)
    finder.visit(tree)
    starts, seen = _offsets(text), Counter[tuple[str, str, str]]()
    data = text.encode()
    for function, node in finder.found:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = len(data[: starts[node.lineno - 1] + node.col_offset].decode())
        end = len(data[: starts[node.end_lineno - 1] + node.end_col_offset].decode())
        before = ast.unparse(node)
        for changed in _changed(node):
            after = ast.unparse(changed)
            seen[function, before, after] += 1
            turn = seen[function, before, after] - 1
            yield Mutant(file, node.lineno, function or "module", before, after, turn, start, end)


def all_mutants(package: Path) -> list[Mutant]:
    """Every change of the package that may be noticed. Raises ValueError where what is left alone is not there."""
    found: list[Mutant] = []
    for folder in FOLDERS:
        for path in sorted((package / folder).rglob("*.py")):
            found += mutants_of(path.relative_to(package).as_posix(), path.read_text(encoding="utf-8"))
    keys = {mutant.key for mutant in found}
    gone = [f"{key}{_moved_to(key, keys)}" for key in EQUIVALENT if key not in keys]
    for file, name in TUNING:
        path = package / file
        if not (path.exists() and re.search(rf"^{name}\b.*=", path.read_text(encoding="utf-8"), re.MULTILINE)):
            gone.append(f"{file} {name}")
    if gone:
        raise ValueError("\n".join(["left_alone.py names what is not there any more:", *sorted(gone)]))
    return [mutant for mutant in found if mutant.key not in EQUIVALENT]


def _moved_to(key: str, keys: set[str]) -> str:
    """Return where the change of a key that is gone may be now: in other functions that have the same one."""
    change = key.partition(": ")[2]
    places = sorted(other for other in keys - EQUIVALENT.keys() if other.partition(": ")[2] == change)
    return f"\n    perhaps now: {', '.join(places)}" if 0 < len(places) <= 3 else ""


def choose(mutants: list[Mutant], seed: int, count: int) -> list[Mutant]:
    """The changes of one seed: those with the least digests, which do not depend on what else a file has."""
    return sorted(mutants, key=lambda mutant: hashlib.sha256(f"{seed} {mutant.key}".encode()).digest())[:count]
