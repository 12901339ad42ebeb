"""Libraries of Microsoft's compilers: DLLs with names of C++, and what objects of clang-cl name with /defaultlib."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import Result, run, run_linked

from support.coff_objects import MSVC
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GCC = "x86_64-w64-mingw32-gcc-posix"
CLASS = """
struct API K { int v; K(int); virtual ~K(); virtual int get(); static int count; };
API int over(int);
API int over(double);
extern "C" API int __vectorcall same(double);
"""
LIBRARY = """
#define API __declspec(dllexport)
CLASS
int K::count = 3;
K::K(int x) : v(x) { count++; }
K::~K() { count--; }
int K::get() { return v * 2; }
int over(int x) { return x; }
int over(double x) { return (int)(x * 10); }
extern "C" int __vectorcall same(double x) { return (int)x; }
extern "C" int _fltused = 0;
extern "C" int _DllMainCRTStartup(void *, unsigned, void *) { return 1; }
void operator delete(void *, unsigned long long) {}
"""
USER = """
#define API __declspec(dllimport)
CLASS
extern "C" int printf(const char *, ...);
extern "C" int _fltused = 0;
int main() {
    K k(21);
    printf("%d %d %d %d %d\\n", k.get(), K::count, over(3), over(2.5), same(9.5));
    return 6;
}
"""
OLD_NAMES = """
int printf(const char *, ...), stricmp(const char *, const char *), access(const char *, int), getpid(void);
int _getpid(void), memicmp(const void *, const void *, unsigned long long);
char *strdup(const char *), *strupr(char *);
int kbhit(void) { return 5; }
int main(void) {
    char *text = strdup("abc");
    printf("%s %d %d %d\\n", text, stricmp(text, "ABC"), getpid() == _getpid(), access("absent", 0));
    printf("%d %s %d\\n", memicmp(text, "ABx", 2), strupr(text), kbhit());
    return 4;
}
"""
NAMED = """
extern "C" int printf(const char *, ...);
namespace std {
class exception { public: virtual ~exception(); char *text; void *more; };
class length_error : public exception {};
__declspec(dllimport) void _Xlength_error(const char *);
}
#pragma comment(lib, "msvcprt")
#pragma comment(lib, "concrt140.lib")
int main() {
    try {
        std::_Xlength_error("too long");
    } catch (std::length_error &error) {
        printf("%s\\n", error.text);
    }
    return 2;
}
"""


def clang_cl(folder: Path, name: str, text: str, *flags: str) -> Path:
    source = folder / name
    source.write_text(text.replace("CLASS", CLASS))
    command = [require_tool("clang-19"), "--driver-mode=cl", MSVC, "-w", "/MD", "/GR-", "/GS-", *flags]
    subprocess.run([*command, "-c", source, f"-Fo{source}.obj"], check=True)
    return folder / f"{name}.obj"


def link(*words: str | Path) -> None:
    subprocess.run([require_tool("lld-link-19"), "/nodefaultlib", *words], check=True)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder with a DLL of C++, its import library, and an object that uses it."""
    link("/dll", f"/out:{tmp_path}/parts.dll", clang_cl(tmp_path, "parts.cc", LIBRARY, "/Zl"))
    clang_cl(tmp_path, "user.cc", USER, "/Zl")
    return tmp_path


def expected(folder: Path) -> Result:
    """What the program of lld-link prints."""
    (folder / "msvcrt.def").write_text("LIBRARY msvcrt.dll\nEXPORTS\nprintf\n")
    command = ["llvm-dlltool-19", "-m", "i386:x86-64", "-d", folder / "msvcrt.def", "-l", folder / "crt.lib"]
    subprocess.run([require_tool(str(command[0])), *command[1:]], check=True)
    options = ["/entry:main", "/subsystem:console", f"/out:{folder}/native.exe"]
    link(*options, folder / "user.cc.obj", folder / "parts.lib", folder / "crt.lib")
    return run(["wine", folder / "native.exe"], [folder])


LINES = [["parts.lib"], ["parts.dll"], ["--as-needed", "parts.dll"], ["-L.", "-lparts"]]


def test_names_of_cxx_in_dlls(wine: Path, parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(parts)
    native = expected(parts)
    for line in LINES:
        linked = run_linked(["user.cc.obj", *line], [], [parts])
        assert linked.stdout == "42 4 3 25 9\r\n", (line, linked)
        assert linked == native


def test_old_names(wine: Path, tmp_path: Path) -> None:
    """A function of the program itself comes before that of oldnames.lib. MinGW's libraries have these names, too."""
    program = clang_cl(tmp_path, "program.c", OLD_NAMES)
    native = tmp_path / "native.exe"
    subprocess.run([require_tool(GCC), "-w", tmp_path / "program.c", "-o", native], check=True)
    assert run_linked([program], []) == run(["wine", native])


def test_libraries_that_are_there_as_dlls_only(wine: Path, tmp_path: Path) -> None:
    done = run_linked([clang_cl(tmp_path, "named.cc", NAMED, "/EHsc")], [])
    assert (done.stdout, done.stderr, done.status) == ("too long\r\n", "", 2)
    done = run_linked([clang_cl(tmp_path, "absent.cc", NAMED.replace("concrt140", "no_such"), "/EHsc")], [])
    assert "no library `no_such'" in done.stderr
    assert done.status == 1
