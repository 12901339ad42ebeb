"""The resources of a program: those of its objects, where functions of Windows look for them.

They look in a module of the system's, which for a program's own resources is the executor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import AllocationError, LinkError
from uruk.formats.coff.resources import Key, Resource, read_resources, resource_image, shown

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.program.reading import Objects

_MARK = b".rsrc"


def give_resources(runtime: Runtime, inputs: Sequence[Objects], architecture: str) -> None:
    """Give the executor the resources of objects; the tree of all replaces none that the executor has.

    Raises ObjectFormatError, LinkError where two objects have one resource, AllocationError.
    """
    found: dict[Key, Resource] = {}
    owners: dict[Key, str] = {}
    for objects in inputs:
        for file, start, size in zip(objects.files, objects.starts, objects.sizes, strict=True):
            data = objects.buffer[start : start + size]
            for key, resource in read_resources(data, file, architecture).items() if _MARK in data else ():
                if key in found:
                    raise LinkError(f"resource {shown(key)} (type/name/language) is in {owners[key]} and in {file}")
                found[key], owners[key] = resource, file
    if found:
        image = resource_image(found)
        place = image.data, len(image.data), image.leaves, image.leaf_count
        if runtime.call(b"uruk_rt_set_resources", *place):
            raise AllocationError(f"the executor has no memory for {len(image.data)} bytes of resources")
