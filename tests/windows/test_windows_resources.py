"""Resources of programs: the system finds those of the objects in the module of the process, as natively."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import run, run_linked

from uruk.errors import ObjectFormatError
from uruk.formats.coff.resources import Key, Resource, read_resources, resource_image

from support.coff_writer import Part, coff_object, put, section_symbol
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GCC, WINDRES = "x86_64-w64-mingw32-gcc-posix", "x86_64-w64-mingw32-windres"
GERMAN = 0x407
"""The number of a language."""
PROGRAM = """
#include <stdio.h>
#include <windows.h>
static BOOL CALLBACK show(HMODULE module, LPCSTR type, LPSTR name, LONG_PTR count) {
    HRSRC found = FindResourceA(module, name, type);
    if (IS_INTRESOURCE(name)) printf("#%d", (int)(ULONG_PTR)name); else printf("%s", name);
    printf(": %lu bytes, %.5s\\n", SizeofResource(module, found), (char *)LockResource(LoadResource(module, found)));
    ++*(int *)count;
    return TRUE;
}
int main(void) {
    char text[40];
    int count = 0;
    EnumResourceNamesA(0, RT_RCDATA, show, (LONG_PTR)&count);
    EnumResourceNamesA(GetModuleHandleA(0), "WORDS", show, (LONG_PTR)&count);
    int size = LoadStringA(GetModuleHandleA(0), 7, text, sizeof text);
    HRSRC german = FindResourceExA(0, RT_RCDATA, "SAID", MAKELANGID(LANG_GERMAN, SUBLANG_GERMAN));
    printf("%d resources, %d: %s, %s\\n", count, size, text, (char *)LoadResource(0, german));
    HRSRC absent = FindResourceA(0, "ABSENT", RT_RCDATA);
    printf("%d, %lu\\n", absent != 0, GetLastError());
    return LoadIconA(GetModuleHandleA(0), "absent") != 0;
}
"""
FIRST = """
#include <windows.h>
42 RCDATA { "forty-two", 0 }
said RCDATA { "hello", 0 }
STRINGTABLE { 7, "seven" 8, "eight" }
1 VERSIONINFO FILEVERSION 1,2,3,4 { BLOCK "StringFileInfo" { BLOCK "040904E4" { VALUE "FileDescription", "parts" } } }
"""
SECOND = """
#include <windows.h>
many words { "one two three", 0 }
LANGUAGE LANG_GERMAN, SUBLANG_GERMAN
said RCDATA { "guten Tag", 0 }
"""


def resources(folder: Path, name: str, text: str) -> Path:
    """An object with the resources of a script."""
    (folder / f"{name}.rc").write_text(text)
    command = [require_tool(WINDRES), "-O", "coff", f"{name}.rc", f"{name}.obj"]
    subprocess.run(command, check=True, cwd=folder)
    return folder / f"{name}.obj"


def test_resources_of_several_objects(wine: Path, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(PROGRAM)
    subprocess.run([require_tool(GCC), "-c", "main.c", "-o", "main.obj"], check=True, cwd=tmp_path)
    objects = [tmp_path / "main.obj", resources(tmp_path, "one", FIRST), resources(tmp_path, "two", SECOND)]
    subprocess.run([GCC, *objects, "-o", tmp_path / "native.exe"], check=True)
    expected = run(["wine", tmp_path / "native.exe"])
    assert "SAID: 7 bytes, hello" in expected.stdout
    assert "3 resources, 5: seven, guten Tag" in expected.stdout
    assert run_linked(objects, []) == expected
    twice = run_linked([*objects, resources(tmp_path, "again", SECOND)], [])
    assert twice.status == 1
    owners = f"is in {tmp_path / 'two.obj'} and in {tmp_path / 'again.obj'}"
    assert f"resource WORDS/MANY/1033 (type/name/language) {owners}" in twice.stderr


def test_both_kinds_of_objects_have_the_same_resources(tmp_path: Path) -> None:
    """One section has tree and content where windres writes it, and two where cvtres does."""
    text = 'LANGUAGE 7, 1\n42 RCDATA { "forty-two" }\nsaid RCDATA { "hello" }\nmany words { "one" }\n'
    by_windres = resources(tmp_path, "one", text).read_bytes()
    commands = [[require_tool("llvm-rc-19"), "/no-preprocess", "/FO", "two.res", "one.rc"]]
    commands += [[require_tool("llvm-cvtres-19"), "/MACHINE:X64", "/OUT:two.obj", "two.res"]]
    for command in commands:
        subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    by_cvtres = (tmp_path / "two.obj").read_bytes()
    assert b".rsrc$02" in by_cvtres
    found = {
        (10, 42, GERMAN): Resource(b"forty-two", 0),
        (10, "SAID", GERMAN): Resource(b"hello", 0),
        ("WORDS", "MANY", GERMAN): Resource(b"one", 0),
    }
    assert read_resources(by_windres, "one.obj", "x86_64") == found
    assert read_resources(by_cvtres, "two.obj", "x86_64") == found


FOUND: dict[Key, Resource] = {
    (1, "A", 7): Resource(b"first", 1252),
    (1, "\u00c4\U0001f600", 7): Resource(b"", 0),
    (1, 5, 7): Resource(b"x" * 20, 0),
    ("T", 5, 7): Resource(b"third", 65001),
    ("T", 5, 8): Resource(b"fourth", 0),
}


def written() -> tuple[bytes, int, int]:
    """An object with `FOUND`, where its tree begins, and where its content does."""
    image = resource_image(FOUND)
    leaves = [(image.leaves + 16 * row, 0, 3) for row in range(image.leaf_count)]
    data = coff_object([Part(b".rsrc", image.data, relocations=leaves)], [section_symbol(b".rsrc", 1)])
    return data, data.index(image.data), data.index(b"first")


def test_a_tree_that_was_written_is_read_again() -> None:
    assert read_resources(written()[0], "some.obj", "x86_64") == FOUND


def test_trees_that_lie() -> None:
    """Whatever a word of the tree says, the object is read or refused, and nothing is read outside of it."""
    data, start, end = written()
    problems: set[tuple[str, str]] = set()
    for at in range(start, end, 4):
        old = int.from_bytes(data[at : at + 4], "little")
        for value in (0, 1, 8, 0x10001, 0xFFFF, 1 << 31, 0x80000010, 0xFFFFFFFF, old + 1, old - 1, old + 8):
            try:
                read_resources(put(data, at, "<I", value & 0xFFFFFFFF), "some.obj", "x86_64")
            except ObjectFormatError as error:
                problems.add((error.structure, error.problem))
    told = ("behind its end", "entries of others", "no three levels", "twice", "no relocation", "lie outside")
    assert {structure for structure, _ in problems} == {"section 1 `.rsrc'"}
    assert all(any(text in problem for _, problem in problems) for text in told), problems
