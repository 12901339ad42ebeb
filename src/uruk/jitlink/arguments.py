"""A command line as a whole: options that contradict each other are refused, and numbers are read."""

from __future__ import annotations

import re

from uruk.jitlink.failures import ToolError
from uruk.jitlink.options import CommandLine, is_true, number

KIB = 1024
_UNITS = {"kb": KIB, "mb": KIB**2, "gb": KIB**3}
_SIZE = re.compile(r"\s*([0-9]+)\s*(kb|mb|gb)?\s*", re.IGNORECASE | re.ASCII)
NO_ADDRESS = (1 << 64) - 1
"""The address that LLVM's tool takes for none."""


def slab_size(text: str) -> int:
    """Return a size of ``-slab-allocate`` in bytes; without a suffix it is in KiB. Raises ToolError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ToolError("Invalid numeric format for slab size")
    return int(match.group(1)) * _UNITS[(match.group(2) or "kb").lower()]


def check(line: CommandLine, page_size: int) -> list[str]:
    """Refuse options that contradict each other; returns warnings. Raises ToolError.

    `page_size` is that of this machine, of which the slab's must be a multiple where code is run.
    """
    warnings: list[str] = []
    runs = not line.is_on("noexec")
    if not runs and line.all("args"):
        warnings.append("Warning: --args passed to -noexec run will be ignored.")
    if line.given("orc-runtime") and line.last("orc-runtime") and line.is_on("no-process-syms"):
        raise ToolError("-orc-runtime requires process symbols")
    slab = line.last("slab-allocate")
    page = number(line.last("slab-page-size", "0")) or 0
    # The tool's own default of this option is the largest number: it means that no address was named.
    if line.given("slab-address") and number(line.last("slab-address")) != NO_ADDRESS:
        if not slab or runs:
            raise ToolError("-slab-address requires -slab-allocate and -noexec")
        if not page:
            warnings.append("Warning: -slab-address used without -slab-page-size.")
    if page:
        if not slab:
            raise ToolError("-slab-page-size requires -slab-allocate")
        # A power of two has one bit, which its predecessor lacks.
        if page & (page - 1):
            raise ToolError(f"-slab-page-size must be a power of two, got {page}")
        # Code that runs gets its protection from this machine's MMU, in pages of its own size.
        if runs and page % page_size:
            raise ToolError(
                "-slab-page-size must be a multiple of real page size for exec tests (did you mean to use -noexec ?)\n"
            )
    if lazy_places(line) and line.all("harness"):
        raise ToolError("Lazy linking cannot be used with -harness mode")
    warnings += [
        f"Warning: -{name} ignored: uruk links nothing ahead of its call."
        for name in ("speculate", "speculate-order", "record-lazy-execs")
        if line.last(name) not in ("", "none")
    ]
    if line.given("oop-executor") and line.given("oop-executor-connect"):
        raise ToolError("Only one of -oop-executor and -oop-executor-connect can be specified")
    return warnings


def lazy_places(line: CommandLine) -> set[int]:
    """Return the places of the files behind ``-lazy``, which are linked when they are called."""
    return {placed.place + 1 for placed in line.all("lazy") if is_true(placed.text)}


def host_and_port(text: str) -> tuple[str, int]:
    """Return host and port of ``-oop-executor-connect``. Raises ToolError."""
    host, _, port = text.partition(":")
    if not host:
        problem = "Host name for -oop-executor-connect can not be empty"
    elif not port:
        problem = "Port number in -oop-executor-connect can not be empty"
    elif not (port.isascii() and port.isdecimal()):
        problem = f"Port number '{port}' is not a valid integer"
    elif len(port.lstrip("0")) > 5 or int(port) >= 1 << 16:
        problem = f"Port number '{port}' is above 65535"
    else:
        return host, int(port)
    raise ToolError(f"Failed to connect TCP socket '{text}': {problem}")


def definition(text: str) -> tuple[str, int]:
    """Return name and address of ``-abs NAME=ADDR``. Raises ToolError."""
    name, equals, address = text.partition("=")
    if not equals:
        raise ToolError(f'Invalid absolute define "{text}". Syntax: <name>=<addr>')
    value = number(address.strip())
    if value is None:
        raise ToolError(f'Invalid address expression "{address.strip()}" in absolute symbol definition "{text}"')
    return name.strip(), value
