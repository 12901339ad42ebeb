"""Who defines a name when several could: inputs in the order given, the first eligible archive member, the process
last (T28, T29); commons (T31)."""

from __future__ import annotations

import uruk

from support.compiling import Compile, RunChild

ASK = "extern int who(void); int ask(void) { return who(); }"


def who(value: int) -> str:
    return f"int who(void) {{ return {value}; }}"


def asked(jit: uruk.LLJIT) -> int:
    return jit.lookup("ask").function("int(void)")()


def test_an_archive_before_a_library(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(ASK))
    jit.add_archive(cc.archive("libwho.a", cc(who(1))))
    jit.add_library(cc.shared("libwho.so", who(2)))
    assert asked(jit) == 1


def test_a_library_before_an_archive(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(ASK))
    jit.add_library(cc.shared("libwho.so", who(2)))
    jit.add_archive(cc.archive("libwho.a", cc(who(1))))
    assert asked(jit) == 2


def test_the_first_of_two_archives_and_of_two_libraries(cc: Compile) -> None:
    for first, second in ((1, 2), (2, 1)):
        with uruk.LLJIT() as jit:
            jit.add_object(cc(ASK))
            for value in (first, second):
                jit.add_archive(cc.archive(f"libwho{value}.a", cc(who(value))))
            assert asked(jit) == first
        with uruk.LLJIT() as jit:
            jit.add_object(cc(ASK))
            for value in (first, second):
                jit.add_library(cc.shared(f"libwho{value}.so", who(value)))
            assert asked(jit) == first


def test_an_object_before_all_others(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library(cc.shared("libwho.so", who(2)))
    jit.add_archive(cc.archive("libwho.a", cc(who(1))))
    jit.add_object(cc(ASK))
    jit.add_object(cc(who(3)))
    assert asked(jit) == 3


def test_a_looked_up_name_follows_the_same_order(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library(cc.shared("libwho.so", who(2)))
    jit.add_archive(cc.archive("libwho.a", cc(who(1))))
    assert jit.lookup("who").function("int(void)")() == 2


def test_the_first_of_two_members(cc: Compile, jit: uruk.LLJIT) -> None:
    """T29."""
    jit.add_object(cc(ASK))
    jit.add_archive(cc.archive("libwho.a", cc(who(1), name="one"), cc(who(2), name="two")))
    assert asked(jit) == 1


def test_a_member_that_was_pulled_defines_before_later_archives(cc: Compile, jit: uruk.LLJIT) -> None:
    both = cc("int who(void) { return 1; } int other(void) { return 10; }")
    jit.add_object(cc("extern int other(void); int begin(void) { return other(); }"))
    jit.add_object(cc(ASK))
    jit.add_archive(cc.archive("libone.a", cc("int unrelated;")))
    jit.add_archive(cc.archive("libtwo.a", both))
    jit.add_archive(cc.archive("libthree.a", cc(who(3))))
    assert jit.lookup("begin").function("int(void)")() == 10
    assert asked(jit) == 1


def test_members_need_members_of_earlier_archives(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(cc.archive("libfirst.a", cc(who(4))))
    jit.add_archive(cc.archive("libsecond.a", cc(ASK)))
    assert asked(jit) == 4


def test_the_process_comes_last(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(cc.archive("libabs.a", cc("int labs(int x) { return 1234; }", "-fno-builtin")))
    jit.add_object(cc("extern int labs(int); int ask(void) { return labs(-1); }", "-fno-builtin"))
    assert asked(jit) == 1234


def test_names_that_the_interpreter_exports(cc: Compile, child: RunChild) -> None:
    """T28: Debian's Python itself exports zlib's names."""
    text = """
        import ctypes, sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_archive(sys.argv[1])
            assert jit.lookup("inflate").function("int(void)")() == 77
            assert jit.lookup("PyLong_FromLong").function("int(void)")() == 78
        with uruk.LLJIT() as jit:
            assert jit.lookup("PyLong_FromLong").address
    """
    source = "int inflate(void) { return 77; } int PyLong_FromLong(void) { return 78; }"
    archive = cc.archive("libinflate.a", cc(source))
    child.ok(text, archive)


def test_a_weak_reference_pulls_nothing(cc: Compile, jit: uruk.LLJIT) -> None:
    weak = "extern int who(void) __attribute__((weak)); int ask(void) { return who ? who() : -1; }"
    jit.add_archive(cc.archive("libwho.a", cc(who(1))))
    jit.add_object(cc(weak))
    assert asked(jit) == -1
    assert jit.lookup("who").function("int(void)")() == 1
    assert asked(jit) == -1


def test_a_weak_reference_finds_what_is_there(cc: Compile, jit: uruk.LLJIT) -> None:
    weak = "extern int who(void) __attribute__((weak)); int ask(void) { return who ? who() : -1; }"
    jit.add_library(cc.shared("libwho.so", who(2)))
    jit.add_object(cc(weak))
    assert asked(jit) == 2


def test_strong_over_weak_over_later_weak(cc: Compile) -> None:
    weak = "__attribute__((weak)) " + who(1)
    for sources, expected in (([weak, who(2)], 2), ([who(2), weak], 2), ([weak, weak.replace("1", "3")], 1)):
        with uruk.LLJIT() as jit:
            for source in sources:
                jit.add_object(cc(source))
            jit.add_object(cc(ASK))
            assert asked(jit) == expected


def test_commons_take_the_largest_size_and_alignment(cc: Compile, jit: uruk.LLJIT) -> None:
    """T31."""
    jit.add_object(cc("char block[10]; char *small(void) { return block; }", "-fcommon"))
    jit.add_object(
        cc("char block[100000] __attribute__((aligned(4096))); char *big(void) { return block; }", "-fcommon")
    )
    small, big = (jit.lookup(name).function("size_t(void)")() for name in ("small", "big"))
    assert small == big
    assert big % 4096 == 0


def test_many_commons(cc: Compile, jit: uruk.LLJIT) -> None:
    parts = [f"char c{n}[{n + 1}] __attribute__((aligned({1 << n % 8})));" for n in range(300)]
    checks = " ".join(f"bad += ((unsigned long)c{n} & {(1 << n % 8) - 1}) != 0 || c{n}[{n}];" for n in range(300))
    fill = " ".join(f"for (int i = 0; i <= {n}; i++) c{n}[i] = {n % 100 + 1};" for n in range(300))
    verify = " ".join(f"for (int i = 0; i <= {n}; i++) bad += c{n}[i] != {n % 100 + 1};" for n in range(300))
    code = jit.add_object(
        cc("\n".join([*parts, f"int check(void) {{ int bad = 0; {checks} {fill} {verify} return bad; }}"]), "-fcommon")
    )
    assert jit.lookup("check").function("int(void)")() == 0
    assert code.remove().memory < 200_000


def test_a_definition_takes_a_common(cc: Compile) -> None:
    for order in ((0, 1), (1, 0)):
        with uruk.LLJIT() as jit:
            paths = [
                cc("int word; int *a(void) { return &word; }", "-fcommon"),
                cc("int word = 7; int *b(void) { return &word; }"),
            ]
            for index in order:
                jit.add_object(paths[index])
            assert jit.read(jit.lookup("a").function("int *(void)")(), 4) == b"\7\0\0\0"
            assert jit.read(jit.lookup("b").function("int *(void)")(), 4) == b"\7\0\0\0"
