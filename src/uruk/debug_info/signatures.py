"""Functions' types from debug information, and the reasons for which some are refused."""

from __future__ import annotations

import inspect
import re
from keyword import iskeyword
from typing import TYPE_CHECKING

from uruk.debug_info.c_text import CType
from uruk.debug_info.cpp_names import path_of
from uruk.debug_info.fortran import parameter as fortran_parameter
from uruk.debug_info.index import Defined, Index
from uruk.debug_info.reader import children, has, number, text
from uruk.debug_info.types import REACH, ObjectTypes
from uruk.errors import InvalidType
from uruk.records import field, record

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

CLONES = {
    ".constprop": "was cloned for constant arguments",
    ".isra": "was cloned with other parameters",
    ".part": "is a part of a function",
    ".cold": "is a part of a function",
    ".lto_priv": "is static",
}
"""Suffixes that compilers append to the names of clones -> what these are."""
_CLONE = re.compile("(" + "|".join(map(re.escape, CLONES)) + r")(?:\.\d+)?(?=\.|$)")
_NORMAL, _PROGRAM, _NOCALL = 1, 2, 3
"""DW_CC values (DWARF 5, table 7.19)."""
_TYPED = ("C", "C++", "Fortran")
LLVM_IR = "LLVM IR"
DEBUG_INFORMATION = "debug information"


@record
class Signature:
    """A function's type: what it returns and takes, each parameter with its name, if it has one."""

    name: str
    """The symbol's name; of C++, the name with its namespaces."""
    language: str
    result: CType
    parameters: list[tuple[str, CType]] = field(default_factory=list[tuple[str, CType]])

    @property
    def returns_bit(self) -> bool:
        """True if the result is only the lowest bit of the byte that `result` is, as LLVM has it."""
        return self.language == LLVM_IR and self.result.label == "_Bool"

    @property
    def source(self) -> str:
        """The place that the type was read from, as people call it."""
        return self.language if self.language == LLVM_IR else DEBUG_INFORMATION

    @property
    def pointer(self) -> str:
        """Return the type of pointers to such functions, as cffi reads it."""
        return self.result.function([kind for _, kind in self.parameters]).pointer().declare()

    def parameters_of_python(self) -> inspect.Signature:
        """Return the parameters as `inspect` has them, with types of C as annotations."""
        place = inspect.Parameter.POSITIONAL_ONLY
        names: list[str] = []
        for at, (name, _) in enumerate(self.parameters):
            plain = name if name.isidentifier() and not iskeyword(name) else f"argument_{at}"
            names.append(plain if plain not in names else f"{plain}_{at}")
        kinds = (kind.show() for _, kind in self.parameters)
        parameters = [inspect.Parameter(name, place, annotation=kind) for name, kind in zip(names, kinds, strict=True)]
        return inspect.Signature(parameters, return_annotation=self.result.show())

    def __str__(self) -> str:
        parameters = ", ".join(kind.show(name) for name, kind in self.parameters) or "void"
        return self.result.show(f"{self.name}({parameters})")


class Refused(InvalidType):
    """A function whose type its `source` does not say (debug information, LLVM IR), or whose values are not passed."""

    def __init__(self, name: str, reason: str, source: str = DEBUG_INFORMATION) -> None:
        self.name = name
        self.reason = reason
        self.source = source
        super().__init__(name, reason, source)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        advice = 'give it one, as by .function("int(int)")'
        return f"`{self.name}' has no type from {self.source}: {self.reason}; {advice}"


class Untold(Refused):
    """A function of which debug information says no type at all."""


def signature_of(index: Index, types: ObjectTypes, name: str, *, extern_c: bool = False) -> Signature:
    """Return the type of a function, by its symbol's name.

    `extern_c`: it follows the conventions of C, whatever its language. Raises Refused.
    """
    if match := _CLONE.search(name):
        raise Refused(name, f"it {CLONES[match[1]]} ({match[1]}), and takes what the compiler likes")
    defined = index.function(name)
    if defined is None:
        raise Untold(name, _reason_of_absence(index, name))
    if reason := _refusal(defined, name, extern_c):
        raise Untold(name, reason)
    entry = _with_parameters(defined)
    signature = Signature(path_of(name), defined.unit.language, _result(types, defined, name))
    for each in children(entry):
        if each.tag == "DW_TAG_unspecified_parameters":
            raise Refused(name, "it takes variable arguments, whose types are those of each call")
        if each.tag == "DW_TAG_formal_parameter":
            read = _fortran_parameter if defined.unit.language == "Fortran" else _parameter
            signature.parameters.append(read(types, each, name))
    return signature


def read_signature(index: Index, types: ObjectTypes, name: str, *, extern_c: bool = False) -> Signature:
    """Return the type of a function; the structures that it leads to have members then, as far as they are near."""
    types.declared.room = REACH
    signature = signature_of(index, types, name, extern_c=extern_c)
    types.finish()
    return signature


def _reason_of_absence(index: Index, name: str) -> str:
    if name in index.variables:
        return "it is a variable"
    if index.split:
        return f"its types are in another file, {index.split}, as -gsplit-dwarf has it, which is not read"
    if index.languages == {"assembly"}:
        return "it is written in assembly, which says no types"
    if not index.languages:
        return f"{index.file} has no debug information (compile with -g)"
    if name.startswith("_ZL"):
        return "it is a static function of C++, whose symbol debug information does not name"
    return f"the debug information of {index.file} does not have it"


def _refusal(defined: Defined, name: str, extern_c: bool) -> str:
    """Return the reason why a function is not called, whatever it takes; empty if there is none."""
    unit = defined.unit
    if unit.untyped:
        return "it was compiled with -g1, which leaves types out"
    if unit.language not in _TYPED and not extern_c:
        if unit.language == "assembly":
            return "it is written in assembly, which says no types"
        return (
            f'it is written in {unit.language}, and debug information does not say whether it is extern "C": '
            "if it is, call .typed(extern_c=True)"
        )
    convention = next(filter(None, (number(each, "DW_AT_calling_convention") for each in defined.chain)), _NORMAL)
    if convention == _NOCALL:
        return "the compiler notes that it does not obey the calling convention (DW_CC_nocall)"
    if convention not in (_NORMAL, _PROGRAM):
        return f"it has a calling convention of its own (DW_AT_calling_convention {convention:#x})"
    if not defined.external and not unit.plain:
        return "it is static, and a compiler that optimises may give such a function another interface"
    if unit.language == "C" and not defined.has("DW_AT_prototyped"):
        return "it has no prototype in its source: `()' says nothing of its parameters"
    return ""


def _with_parameters(defined: Defined) -> DIE:
    """Return the entry that lists the parameters: an abstract one is whole, a concrete one may lack some."""
    listing = [die for die in defined.chain if any(each.tag == "DW_TAG_formal_parameter" for each in children(die))]
    whole = [die for die in listing if "DW_AT_abstract_origin" not in die.attributes]
    return [*whole, *listing, defined.die][0]


def _result(types: ObjectTypes, defined: Defined, name: str) -> CType:
    holder = next((die for die in defined.chain if "DW_AT_type" in die.attributes), None)
    result = types.of(None) if holder is None else types.target(holder, by_value=True)
    if result.refusal:
        raise Refused(name, f"it returns what is not passed: {result.refusal}")
    return result


def _parameter(types: ObjectTypes, die: DIE, name: str) -> tuple[str, CType]:
    kind = types.target(die, by_value=True)
    own = text(die, "DW_AT_name")
    if kind.refusal:
        which = f"its parameter `{own}'" if own else "a parameter"
        raise Refused(name, f"{which} is not passed: {kind.refusal}")
    return ("" if own == "this" and has(die, "DW_AT_artificial") else own), kind


def _fortran_parameter(types: ObjectTypes, die: DIE, name: str) -> tuple[str, CType]:
    kind, problem = fortran_parameter(types, die)
    own = text(die, "DW_AT_name")
    if problem:
        raise Refused(name, f"its parameter `{own}' is not passed: {problem}")
    return own, kind
