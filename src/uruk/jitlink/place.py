"""The place where a run's code goes: addresses only, for code that is linked and not run."""

from __future__ import annotations

from uruk.jitlink.arguments import NO_ADDRESS, slab_size
from uruk.jitlink.failures import ToolError
from uruk.jitlink.options import CommandLine, number
from uruk.memory.segment_slab import SegmentSlab
from uruk.orc.registry.options import Options
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform
from uruk.platforms.systems import executor_for_linking
from uruk.target import Target

DEFAULT_ADDRESS = 1 << 44
"""The first address of code where the command line names none: far from low addresses and from those of processes, as
real memory is, so that what is far from code in LLVM's tool is far here."""
DEFAULT_SLAB = 1 << 30


def link_only_session(line: CommandLine, target: Target, page_size: int) -> tuple[Session, SegmentSlab]:
    """Return a session that links for any target, in a slab at the address that the command line gives, and that."""
    size = slab_size(line.last("slab-allocate")) if line.last("slab-allocate") else DEFAULT_SLAB
    address = number(line.last("slab-address", str(NO_ADDRESS)))
    if address is None or address == NO_ADDRESS:
        address = DEFAULT_ADDRESS
    page = number(line.last("slab-page-size", "0")) or page_size
    try:
        memory = SegmentSlab(address, max(size, 1), page)
    except ValueError as error:
        raise ToolError(str(error)) from error
    executor = executor_for_linking(memory)
    # The platform is the bare one, as nothing of a process serves code that is not run.
    options = Options(execute=False, as_jitlink=True, architecture=target)
    return Session(executor, BarePlatform(executor), options), memory
