"""``-show-addrs``: what rules can ask about, as LLVM's tool lists it. Contents have no addresses of the tool's own."""

from __future__ import annotations

from collections.abc import Mapping

from uruk.jitlink.linked_files import LinkedFiles


def addresses_text(linked: LinkedFiles, absolute: Mapping[str, int]) -> str:
    """Return the text: all symbols, then each file's sections, slots and stubs."""
    lines = ["Registered addresses:", "Symbols:"]
    known = {name: (address, 0) for name, address in absolute.items()}
    # A definition that was linked wins over an absolute one of its name: it is listed once.
    known |= {name: (symbol.address, symbol.size) for name, symbol in linked.symbols.items()}
    lines += [f'  "{name}" {_range(address, size)}' for name, (address, size) in known.items()]
    for name, file in linked.files.items():
        lines.append(f'File "{name}":')
        lines += [
            f'  Section "{section}": {_range(at, file.sizes.get(section, 0))}' for section, at in file.sections.items()
        ]
        lines += [f'  GOT "{target}": {_range(address, file.slot_size)}' for target, address in file.slots.items()]
        lines += [f'  Stubs "{target}": {_range(address, file.stub_size)}' for target, address in file.stubs.items()]
    return "\n".join(lines) + "\n"


def _range(address: int, size: int) -> str:
    return f"target addr = {address:#018x}, content: {address:#x} -- {address + size:#x} ({size} bytes)"
