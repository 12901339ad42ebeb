"""The duties of every mapper, as one function: for those who write their own."""

from __future__ import annotations

from collections.abc import Callable

from uruk.errors import AllocationError
from uruk.memory.mapper import Mapper, Protection

_SIZE = 1 << 20
_LOW, _HIGH = 1 << 31, 1 << 40


def check_mapper(
    make: Callable[[], Mapper],
    read: Callable[[int, int], bytes],
    write: Callable[[int, bytes], object] | None = None,
) -> None:
    """Check a mapper against its protocol; AssertionError says what it does wrong.

    `make` returns a fresh mapper; `read(address, size)` returns the bytes that are there where the code runs, and
    `write(address, data)` stores some there, as code would. Without it what code writes cannot be checked.
    """
    for check in (_pages, _fresh_memory_is_zero, _bytes_arrive, _content_goes, _ranges, _parts, _exclusive):
        check(make(), read)
    if write is not None:
        for check_writes in (_neighbours_stay, _only_content_arrives, _exact_bytes_go):
            check_writes(make(), read, write)


def _pages(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """The page size is a power of two, and reservations lie on pages."""
    page = mapper.page_size
    assert page >= 4096, f"a page of {page} bytes"
    assert page & (page - 1) == 0, f"a page of {page} bytes"
    address = mapper.reserve(_SIZE)
    assert address % page == 0, f"{address:#x} is not a multiple of the page size {page:#x}"
    mapper.release(address, _SIZE)


def _fresh_memory_is_zero(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """Reserved and prepared memory reads as zero, here and there."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    view = mapper.view(address, _SIZE)
    assert view.size == _SIZE, f"a view of {view.size} bytes instead of {_SIZE}"
    mapper.prepare([(address, 4 * page)])
    assert not view[: 4 * page].any(), "prepared memory is not zero"
    mapper.initialize([(address, 4 * page)], Protection.R)
    assert read(address, 4 * page) == bytes(4 * page), "untouched memory is not zero where the code runs"
    del view
    mapper.release(address, _SIZE)


def _bytes_arrive(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """Bytes written through the view are there after `initialize`, with every protection that code needs."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    view = mapper.view(address, _SIZE)
    kinds = (Protection.R | Protection.X, Protection.R, Protection.R | Protection.W)
    ranges = [(address + 2 * index * page, 2 * page) for index in range(len(kinds))]
    mapper.prepare(ranges)
    for index, (start, size) in enumerate(ranges):
        view[start - address : start - address + size] = index + 1
    for index, (place, kind) in enumerate(zip(ranges, kinds, strict=True)):
        mapper.initialize([place], kind)
        assert read(*place) == bytes([index + 1]) * place[1], f"bytes did not arrive with protection {kind!r}"
    mapper.prepare([ranges[0]])
    assert bytes(view[: ranges[0][1]]) == bytes([1]) * ranges[0][1], "`prepare` loses content"
    view[:page] = 9
    mapper.initialize([ranges[0]], kinds[0])
    assert read(*ranges[0]) == bytes([9]) * page + bytes([1]) * page, "a second `initialize` does not bring bytes"
    mapper.prepare([])
    mapper.initialize([], Protection.R)
    mapper.deinitialize([])
    del view
    mapper.release(address, _SIZE)


def _content_goes(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """`deinitialize` leaves zeros, keeps the neighbours and lets the memory be used again."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    view = mapper.view(address, _SIZE)
    mapper.prepare([(address, 3 * page)])
    view[: 3 * page] = 7
    mapper.initialize([(address, 3 * page)], Protection.R)
    mapper.deinitialize([(address + page, page)])
    assert read(address + page, page) == bytes(page), "`deinitialize` leaves content"
    assert read(address, page) == bytes([7]) * page, "`deinitialize` takes the page before"
    assert read(address + 2 * page, page) == bytes([7]) * page, "`deinitialize` takes the page behind"
    mapper.prepare([(address + page, page)])
    assert not view[page : 2 * page].any(), "given up memory is not zero when it is used again"
    view[page : 2 * page] = 8
    mapper.initialize([(address + page, page)], Protection.R)
    assert read(address + page, page) == bytes([8]) * page, "given up memory cannot be used again"
    del view
    mapper.release(address, _SIZE)


def _ranges(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """A reservation lies where it was asked for, or is refused."""
    address = mapper.reserve(_SIZE, _LOW, _HIGH)
    inside = address >= _LOW and address + _SIZE <= _HIGH
    assert inside, f"{address:#x} is not within [{_LOW:#x}, {_HIGH:#x})"
    exact = mapper.reserve(_SIZE, _LOW, _HIGH)
    assert abs(exact - address) >= _SIZE, "two reservations overlap"
    mapper.release(exact, _SIZE)
    for low, high in ((_LOW, _LOW + mapper.page_size), (address, address + _SIZE)):
        try:
            got = mapper.reserve(_SIZE, low, high)
        except AllocationError:
            continue
        raise AssertionError(f"reserved {got:#x} within [{low:#x}, {high:#x}), where there is no room")
    mapper.release(address, _SIZE)


def _parts(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """A part of a reservation can be given back; the rest stays usable."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    half = _SIZE // 2
    mapper.release(address, half)
    view = mapper.view(address + half, half)
    mapper.prepare([(address + half, page)])
    view[:page] = 5
    mapper.initialize([(address + half, page)], Protection.R)
    assert read(address + half, page) == bytes([5]) * page, "giving back a part takes the rest"
    del view
    mapper.release(address + half, half)
    again = mapper.reserve(_SIZE)
    mapper.release(again, _SIZE)


def _exclusive(mapper: Mapper, read: Callable[[int, int], bytes]) -> None:
    """No page is writable and executable, and what the system cannot do is an AllocationError."""
    address = mapper.reserve(_SIZE)
    mapper.prepare([(address, mapper.page_size)])
    try:
        mapper.initialize([(address, mapper.page_size)], Protection.R | Protection.W | Protection.X)
    except AllocationError:
        pass
    else:
        raise AssertionError("a page is writable and executable at once")
    mapper.release(address, _SIZE)
    try:
        mapper.reserve(1 << 62)
    except AllocationError:
        return
    raise AssertionError("2**62 bytes were reserved")


def _neighbours_stay(mapper: Mapper, read: Callable[[int, int], bytes], write: Callable[[int, bytes], object]) -> None:
    """Bytes that code wrote stay when data beside it, on the same page, arrives."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    view, kind = mapper.view(address, _SIZE), Protection.R | Protection.W
    first, second = (address + 100, 50), (address + 150, page)
    mapper.prepare([first])
    view[100:150] = 1
    mapper.initialize([first], kind)
    write(address + 100, bytes([2]) * 50)
    mapper.prepare([second])
    view[150 : 150 + page] = 3
    mapper.initialize([second], kind)
    assert read(*first) == bytes([2]) * 50, "data that arrives overwrites what code wrote beside it"
    assert read(*second) == bytes([3]) * page, "data beside other data does not arrive"
    write(address + 150, bytes([4]) * page)
    del view
    mapper.release(address, _SIZE)


def _only_content_arrives(
    mapper: Mapper, read: Callable[[int, int], bytes], write: Callable[[int, bytes], object]
) -> None:
    """Of a range only what has content is brought; all of it gets the protection."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    view, kind = mapper.view(address, _SIZE), Protection.R | Protection.W
    whole, content = (address + 8, 4 * page), (address + 8, 24)
    mapper.prepare([whole], [content])
    view[8:32] = 1
    mapper.initialize([whole], kind, [content])
    assert read(*whole) == bytes([1]) * 24 + bytes(4 * page - 24), "content or zero-fill did not arrive"
    write(address + 24, bytes([2]) * (4 * page - 24))
    view[8:16] = 3
    mapper.initialize([whole], Protection.R, [(address + 8, 8)])
    expected = bytes([3]) * 8 + bytes([1]) * 8 + bytes([2]) * (4 * page - 24)
    assert read(address + 8, len(expected)) == expected, "what is not content is overwritten"
    del view
    mapper.release(address, _SIZE)


def _exact_bytes_go(mapper: Mapper, read: Callable[[int, int], bytes], write: Callable[[int, bytes], object]) -> None:
    """`deinitialize` zeroes exactly its range, here and there, of what was written here or there."""
    page, address = mapper.page_size, mapper.reserve(_SIZE)
    view, kind = mapper.view(address, _SIZE), Protection.R | Protection.W
    mapper.prepare([(address, 4 * page)])
    view[: 4 * page] = 1
    mapper.initialize([(address, 4 * page)], kind)
    write(address, bytes([2]) * 4 * page)
    small, large = (address + 10, 20), (address + page - 6, 2 * page + 9)
    mapper.deinitialize([large, small])
    left = bytearray([2]) * (4 * page)
    for start, size in (small, large):
        left[start - address : start - address + size] = bytes(size)
    assert read(address, 4 * page) == left, "`deinitialize` takes more or less than its range"
    for start, size in (small, large):
        assert not view[start - address : start - address + size].any(), "`deinitialize` leaves content in the view"
    write(address, bytes([5]) * 4 * page)
    never = (address + 8 * page + 1, 10)
    mapper.prepare([never])
    mapper.deinitialize([never])  # as after a link that failed between `prepare` and `initialize`
    mapper.prepare([never])
    mapper.initialize([never], kind)
    assert read(*never) == bytes(10), "memory that was given up unused is not zero"
    del view
    mapper.release(address, _SIZE)
