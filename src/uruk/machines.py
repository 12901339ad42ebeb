"""Machines by the numbers and names that files and triples have for them: the only table of these.

Sources: gABI chapter 4 and binutils' include/elf/common.h (e_machine), the PE/COFF specification ("Machine Types"),
Apple's <mach/machine.h>, glibc's sysdeps/generic/ldconfig.h (flags of the loader's cache). Nothing of uruk is
imported here, as the build reads this table, too.
"""

from __future__ import annotations


class Machine:
    """One machine that triples name.

    `name`: the first part of a triple; `spellings`: other first parts that mean the same. `title`: its name in texts
    for people. `elf` is its e_machine, `coff` the Machine of COFF's file header (0 where there is none), and
    `loader_flags` those of its 64-bit libraries in ``ld.so.cache``. `systems`: those on which uruk runs code of it,
    with a runtime and an executor for each. `executor_systems`: further ones that there is an executor for: memory and
    calls of a process, no linked programs yet.
    """

    # A plain class: `typing.NamedTuple` takes twice as long as all of the rest of this module.
    def __init__(
        self,
        name: str,
        title: str,
        elf: int,
        loader_flags: int,
        spellings: tuple[str, ...] = (),
        systems: tuple[str, ...] = (),
        executor_systems: tuple[str, ...] = (),
        coff: int = 0,
    ) -> None:
        self.name = name
        self.title = title
        self.elf = elf
        self.loader_flags = loader_flags
        self.spellings = spellings
        self.systems = systems
        self.executor_systems = executor_systems
        self.coff = coff


MACHINES = {
    machine.name: machine
    for machine in (
        Machine("x86_64", "x86-64", 62, 0x0303, ("amd64",), ("linux",), ("windows",), 0x8664),
        Machine("aarch64", "AArch64", 183, 0x0A03, ("arm64",), ("linux",), (), 0xAA64),
        Machine("riscv64", "RISC-V", 243, 0x0F03),
    )
}
"""By name."""
OF_ELF = {machine.elf: machine for machine in MACHINES.values()}
"""By e_machine."""
OF_COFF = {machine.coff: machine for machine in MACHINES.values() if machine.coff}
"""By the Machine field of a COFF header."""
SPELLINGS = {text: machine.name for machine in MACHINES.values() for text in (machine.name, *machine.spellings)}
"""First parts of triples -> names."""
TARGETS = tuple(f"{machine.name}-{system}" for machine in MACHINES.values() for system in machine.systems)
"""All targets that code is run on: ``x86_64-linux``, ..."""
EXECUTOR_TARGETS = TARGETS + tuple(
    f"{machine.name}-{system}" for machine in MACHINES.values() for system in machine.executor_systems
)
"""All targets that there is an executor for."""

ELF_TITLES = {
    2: "SPARC", 3: "i386", 4: "m68k", 8: "MIPS", 15: "PA-RISC", 20: "PowerPC", 21: "PowerPC64", 22: "S/390", 40: "ARM",
    42: "SuperH", 43: "SPARC V9", 50: "IA-64", 62: "x86-64", 83: "AVR", 94: "Xtensa", 105: "MSP430", 164: "Hexagon",
    183: "AArch64", 190: "CUDA", 224: "AMD GPU", 243: "RISC-V", 247: "BPF", 258: "LoongArch",
}  # fmt: skip
"""By e_machine, for texts: machines that uruk only knows by name are among them."""
COFF_TITLES = {0x14C: "i386", 0x1C4: "ARM", 0x8664: "x86-64", 0xAA64: "arm64", 0xA641: "arm64ec"}
"""By the Machine field of a COFF header."""
MACHO_TITLES = {7: "i386", 0x01000007: "x86_64", 12: "arm", 0x0100000C: "arm64", 0x0200000C: "arm64_32", 18: "ppc"}
"""By cputype."""
