"""C programs of Windows: each does what the program does that its compiler links, under the same wine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

TIMEOUT = 120
GCC = ("x86_64-w64-mingw32-gcc-posix", "-O1")
CLANG = ("clang-19", "--target=x86_64-w64-windows-gnu", "-O2", "-ffunction-sections", "-fdata-sections")
COMPILERS = {"gcc": GCC, "clang-gnu": CLANG}
CASES: dict[str, tuple[str, ...]] = {
    "stdio": (
        r"""
        #include <stdio.h>
        int main(int argc, char **argv) {
            char text[64]; int number; double real;
            for (int i = 0; i < argc; i++) printf("%d %s|", i, i ? argv[i] : "");
            sscanf("17 2.5", "%d %lf", &number, &real);
            snprintf(text, sizeof text, "%05d %-8s| %.3e %x %c %%", number, "left", real, 0xbeef, 'q');
            puts(text);
            printf("%lld %zu %5.1Lf\n", -1234567890123LL, sizeof text, (long double)real);
            fprintf(stderr, "to stderr %s\n", "at once");
            return 42;
        }
        """,
    ),
    "files": (
        r"""
        #include <stdio.h>
        #include <stdlib.h>
        int main(int argc, char **argv) {
            FILE *file = fopen(argv[1], "w"); char line[32]; int lines = 0;
            if (!file) { perror(argv[1]); return 3; }
            for (int i = 0; i < 1000; i++) fprintf(file, "line %d\n", i);
            fclose(file);
            file = fopen(argv[1], "rb");
            while (fgets(line, sizeof line, file)) lines++;
            long end = ftell(file); fseek(file, 7, SEEK_SET);
            printf("%d %ld %c %s", lines, end, fgetc(file), line);
            fclose(file); remove(argv[1]);
            return fopen("Z:\\nowhere\\at\\all", "r") == 0;
        }
        """,
    ),
    "sorting": (
        r"""
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        static int by_text(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
        static int by_number(const void *a, const void *b) { return *(int *)a - *(int *)b; }
        int main(void) {
            char *words[] = {"pear", "apple", "fig", "kiwi"}; int numbers[100], key = 33;
            for (int i = 0; i < 100; i++) numbers[i] = i * 37 % 100;
            qsort(words, 4, sizeof *words, by_text); qsort(numbers, 100, sizeof *numbers, by_number);
            int *there = bsearch(&key, numbers, 100, sizeof *numbers, by_number);
            printf("%s %s %s %s %d\n", words[0], words[1], words[2], words[3], (int)(there - numbers));
            return 0;
        }
        """,
    ),
    "threads": (
        r"""
        #include <process.h>
        #include <stdio.h>
        #include <windows.h>
        static CRITICAL_SECTION lock; static int sum;
        static unsigned __stdcall work(void *argument) {
            for (int i = 0; i < 1000; i++) {
                EnterCriticalSection(&lock); sum += (int)(INT_PTR)argument; LeaveCriticalSection(&lock);
            }
            return 7;
        }
        int main(void) {
            HANDLE threads[4]; DWORD status;
            InitializeCriticalSection(&lock);
            for (INT_PTR i = 0; i < 4; i++) threads[i] = (HANDLE)_beginthreadex(0, 0, work, (void *)(i + 1), 0, 0);
            WaitForMultipleObjects(4, threads, TRUE, INFINITE);
            GetExitCodeThread(threads[2], &status);
            printf("%d %lu\n", sum, status);
            return sum == 10000 ? 0 : 1;
        }
        """,
    ),
    "environment": (
        r"""
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <windows.h>
        int main(int argc, char **argv, char **envp) {
            char text[32]; int seen = 0;
            for (char **one = envp; *one; one++) seen += !strncmp(*one, "URUK_WORD=", 10);
            putenv("URUK_OTHER=set here");
            GetEnvironmentVariableA("URUK_OTHER", text, sizeof text);
            printf("%s %s %d %d\n", getenv("URUK_WORD"), text, seen, getenv("URUK_NOTHING") == 0);
            return 0;
        }
        """,
    ),
    "setjmp": (
        r"""
        #include <setjmp.h>
        #include <stdio.h>
        static jmp_buf place;
        static void __attribute__((noinline)) down(int n) { char room[100]; sprintf(room, "%d", n);
            if (n == 0) longjmp(place, 9); down(n - 1); puts(room); }
        int main(void) { volatile int before = 5; int got = setjmp(place);
            if (!got) { before = 6; down(20); } printf("%d %d\n", got, before); return got; }
        """,
    ),
    "wide": (
        r"""
        #include <stdio.h>
        #include <wchar.h>
        #include <stdlib.h>
        int main(void) {
            wchar_t text[40]; char narrow[40];
            swprintf(text, 40, L"%ls %d %c", L"wide \x00e4", 12, L'x');
            wprintf(L"%d %ls\n", (int)wcslen(text), wcschr(text, L'1'));
            printf("%d %ld\n", (int)sizeof(wchar_t), wcstol(L"77", 0, 8));
            return (int)wcstombs(narrow, L"abc", 40);
        }
        """,
    ),
    "endings": (
        r"""
        #include <stdio.h>
        #include <stdlib.h>
        void other(void);
        static void one(void) { puts("one"); } static void two(void) { puts("two"); }
        static void __attribute__((constructor)) first(void) { puts("first"); atexit(one); }
        static void __attribute__((constructor(200))) early(void) { puts("early"); }
        static void __attribute__((destructor)) last(void) { puts("last"); }
        int main(void) { atexit(two); other(); printf("no end of line"); exit(5); }
        """,
        r"""
        #include <stdio.h>
        static void __attribute__((constructor)) first(void) { puts("other first"); }
        static void __attribute__((constructor(300))) early(void) { puts("other early"); }
        static void __attribute__((destructor)) last(void) { puts("other last"); }
        void other(void) { puts("other"); }
        """,
    ),
    "numbers": (
        r"""
        #include <errno.h>
        #include <math.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <time.h>
        int main(void) {
            struct tm day = {0}; char text[32];
            day.tm_year = 100; day.tm_mon = 1; day.tm_mday = 29; day.tm_hour = 12; mktime(&day);
            strftime(text, sizeof text, "%Y-%m-%d %j", &day);
            errno = 0; strtoll("99999999999999999999", 0, 10);
            printf("%.6f %.6f %.3f %s %d %d\n", sin(1), pow(2, 0.5), fmod(7.5, 2), text, errno == ERANGE, abs(-4));
            char *copy = strdup("a,b,c"); int parts = 0;
            for (char *part = strtok(copy, ","); part; part = strtok(0, ",")) parts++;
            free(copy); printf("%d %s\n", parts, strerror(ENOENT));
            return 0;
        }
        """,
    ),
    "large frames": (
        r"""
        #include <stdio.h>
        #include <string.h>
        static int __attribute__((noinline)) fill(int n) {
            char room[100000]; memset(room, n, sizeof room); return n ? fill(n - 1) + room[n] : room[99999];
        }
        int main(void) { printf("%d\n", fill(8)); return 0; }
        """,
    ),
}  # fmt: skip


def run(command: Sequence[str | Path]) -> tuple[bytes, bytes, int]:
    environment = {**os.environ, "URUK_WORD": "given"}
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, env=environment, check=False)
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", CASES)
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, name: str, compiler: str) -> None:
    objects: list[Path] = []
    for number, text in enumerate(CASES[name]):
        source, target = tmp_path / f"part{number}.c", tmp_path / f"part{number}.obj"
        source.write_text(text)
        program, *flags = COMPILERS[compiler]
        subprocess.run([require_tool(program), *flags, "-w", "-c", "-o", target, source], check=True)
        objects.append(target)
    native = tmp_path / "native.exe"
    subprocess.run([require_tool(GCC[0]), "-o", native, *objects], check=True)
    words = [str(tmp_path / "file.txt"), "two words"]
    expected = run(["wine", native, *words])
    assert expected[0]
    assert run([sys.executable, "-m", "uruk", "run", "--oop", "--launcher", "wine", *objects, "--", *words]) == expected


def test_a_crash_is_told(wine: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "crash.c", tmp_path / "crash.obj"
    source.write_text("int *nothing; int main(void) { return *nothing; }")
    subprocess.run([require_tool(GCC[0]), "-c", "-o", target, source], check=True)
    _, said, status = run([sys.executable, "-m", "uruk", "run", "--oop", "--launcher", "wine", target])
    assert status == 5
    assert b"access violation" in said
