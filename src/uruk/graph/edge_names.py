"""The names that LLVM's JITLink has for edge kinds, for tools whose texts people compare with that one's.

LLVM's names are those of an edge once it is applied: one to a GOT slot is ``Delta32`` to the slot. Its branches count
from the end of their field, so that the addend that ELF has for that, -4, is part of the kind.
"""

from __future__ import annotations

import re

_NAMES = {
    "GOTDelta32": "Delta32",
    "GOTDelta32Relaxable": "PCRel32GOTLoadREXRelaxable",
    "GOTDelta64": "Delta64",
    "GOTOffset32": "Delta32FromGOT",
    "GOTOffset64": "Delta64FromGOT",
    "DeltaFromGOT64": "Delta64FromGOT",
    "StubDeltaFromGOT64": "Delta64FromGOT",
    "GOTBaseDelta32": "Delta32",
    "GOTBaseDelta64": "Delta64",
    "BranchDelta32": "Delta32",
    "Branch26": "Branch26PCRel",
    "ConditionalBranch19": "CondBranch19PCRel",
    "TestAndBranch14": "TestAndBranch14PCRel",
    "LoadLiteral19": "LDRLiteral19",
    "GOTLoadLiteral19": "LDRLiteral19",
    "Literal21": "ADRLiteral21",
    "Page21NoCheck": "Page21",
    "GOTPage21": "Page21",
    "GOTLoad64Offset12": "PageOffset12",
    "GOTLoad64PageOffset15": "GotPageOffset15",
    "GOTLoad64Offset15": "GotPageOffset15",
}
_BRANCHES = frozenset(("BranchPCRel32",))
_FAMILIES = (
    (re.compile(r"PageLoad\w*Offset12|Page\w*Offset12"), "PageOffset12"),
    (re.compile(r"Move\w*"), "MoveWide16"),
    (re.compile(r"TLS(GD|LD|Desc|IE)\w*"), "RequestTLSDescInGOTAndTransformToDelta32"),
)


def llvm_name(kind: str) -> str:
    """Return LLVM's name of an edge kind; uruk's own where LLVM has no such kind."""
    if kind in _NAMES:
        return _NAMES[kind]
    return next((name for pattern, name in _FAMILIES if pattern.fullmatch(kind)), kind)


def llvm_edge(kind: str) -> tuple[str, int]:
    """Return LLVM's name of an edge kind, and what is part of that kind and of uruk's addends."""
    return llvm_name(kind), 4 if kind in _BRANCHES else 0
