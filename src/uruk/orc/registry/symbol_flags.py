"""The flags of symbols that units deliver, as users write them."""

from __future__ import annotations

from enum import IntFlag

from uruk.orc.registry.symbols import Flag, Rank


class SymbolFlags(IntFlag):
    """Flags of a symbol that a materialization unit will deliver (ORC's JITSymbolFlags)."""

    NONE = 0
    """A strong, hidden variable."""
    EXPORTED = 1
    """Visible outside its dylib; without it only code of the same dylib sees the symbol."""
    WEAK = 2
    """Gives way to a strong definition, and to an earlier weak one."""
    COMMON = 4
    """Gives way to a strong definition, and takes the name from a weak one."""
    CALLABLE = 8
    """A function: it may be reached through a stub, and made lazily."""

    @property
    def rank(self) -> int:
        """Its `Rank`."""
        return Rank.WEAK if self & SymbolFlags.WEAK else Rank.COMMON if self & SymbolFlags.COMMON else Rank.STRONG

    @property
    def bits(self) -> int:
        """Its `Flag` bits."""
        return (Flag.FUNCTION if self & SymbolFlags.CALLABLE else 0) | (
            0 if self & SymbolFlags.EXPORTED else Flag.HIDDEN
        )

    @classmethod
    def of(cls, rank: int, bits: int) -> SymbolFlags:
        """Return the flags for a `Rank` and `Flag` bits."""
        flags = cls.NONE if bits & Flag.HIDDEN else cls.EXPORTED
        flags |= cls.CALLABLE if bits & Flag.FUNCTION else cls.NONE
        return flags | {Rank.WEAK: cls.WEAK, Rank.COMMON: cls.COMMON}.get(rank, cls.NONE)
