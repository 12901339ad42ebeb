"""The object formats that this process knows by now, which `uruk.formats.registry` enters. Imports none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uruk.formats.interface import Format

FORMATS: dict[str, Format] = {}
"""By name, in the order in which they are asked. ELF, the first one, comes in with the first object."""
