"""Initialisers: which run, when and in which order; failures, retries, and calls back into the JIT."""

from __future__ import annotations

import ctypes

import pytest

import uruk

from support.compiling import Compile

Note = ctypes.CFUNCTYPE(None, ctypes.c_char_p)


class Notes:
    """Collects what initialisers say, through a callback."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.callback = Note(lambda text: self.said.append(text.decode()))

    def __str__(self) -> str:
        return " ".join(self.said)


@pytest.fixture
def notes() -> Notes:
    return Notes()


def opened(notes: Notes, **options: bool) -> uruk.LLJIT:
    jit = uruk.LLJIT(**options)  # pyright: ignore[reportArgumentType]
    jit.define("note", notes.callback)
    return jit


def root(letter: str, priority: str = "", body: str = "") -> str:
    return f"""
        extern void note(const char *);
        {body.partition("|")[0]}
        __attribute__((constructor{priority})) static void begin(void) {{ note("{letter}"); {body.partition("|")[2]} }}
        int of_{letter}(void) {{ return '{letter[0]}'; }}
    """


def test_added_objects_run_with_the_next_lookup(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        for letter in "abc":
            jit.add_object(cc(root(letter)))
        jit.add_object(cc("int plain(void) { return 0; }"))
        assert str(notes) == ""
        jit.lookup("plain")
        assert str(notes) == "a b c"
        jit.lookup_all(["of_a", "of_b", "of_c"])
        jit.initialize()
        assert str(notes) == "a b c"
        jit.add_object(cc(root("d")))
        jit.lookup("plain")
        assert str(notes) == "a b c d"


def test_nothing_of_a_program_without_its_entry_runs(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_object(cc(root("a")))
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup_program("main")
        assert str(notes) == ""
        jit.lookup_program("of_a")
        assert str(notes) == "a"


def test_initialize_alone(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_object(cc(root("b")))
        jit.add_object(cc(root("a")))
        jit.initialize()
        assert str(notes) == "b a"


def test_priorities_across_objects(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_object(cc(root("a")))
        jit.add_object(cc(root("b", "(300)")))
        jit.add_object(cc(root("c", "(101)")))
        jit.add_object(cc(root("d", "(300)")))
        jit.initialize()
        assert str(notes) == "c b d a"


def test_a_members_initialisers_run_when_it_is_pulled(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_archive(cc.archive("libab.a", cc(root("a")), cc(root("b"))))
        jit.initialize()
        assert str(notes) == ""
        jit.lookup("of_b")
        assert str(notes) == "b"


def test_without_auto_initialize(cc: Compile, notes: Notes) -> None:
    with opened(notes, auto_initialize=False) as jit:
        jit.add_object(cc(root("a")))
        jit.add_object(cc(root("b")))
        jit.add_object(cc("int plain(void) { return 0; }"))
        jit.lookup("plain")
        assert str(notes) == ""
        assert jit.lookup("of_b").function("int(void)")() == ord("b")
        assert str(notes) == ""
        jit.initialize()
        assert str(notes) == "a b"
        jit.initialize()
        assert str(notes) == "a b"
        jit.add_object(cc(root("c")))
        jit.lookup("of_c")
        jit.initialize()
        assert str(notes) == "a b c"


def test_what_was_never_initialised_is_not_finalised(cc: Compile, notes: Notes) -> None:
    source = root("a") + '__attribute__((destructor)) static void end(void) { note("-a"); }'
    with opened(notes, auto_initialize=False) as jit:
        code = jit.add_object(cc(source))
        jit.lookup("of_a")
        code.remove()
        jit.initialize()
        assert str(notes) == ""
        jit.add_object(cc(source))
        jit.initialize()
    assert str(notes) == "a -a"


def test_constructor_arguments(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        static int seen; static char **environment;
        __attribute__((constructor)) static void begin(int argc, char **argv, char **envp) {
            seen = 1;
            environment = envp;
        }
        int get(void) { return seen && environment && environment[0]; }
    """
    jit.add_object(cc(source))
    assert jit.lookup("get").function("int(void)")() == 1


def test_a_failing_root_does_not_poison_other_lookups(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_object(cc(root("bad", body="extern void nobody(void);|nobody();")))
        jit.add_object(cc(root("good")))
        jit.add_object(cc("int plain(void) { return 7; }"))
        with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
            jit.lookup("plain")
        assert jit.lookup("plain").function("int(void)")() == 7
        assert jit.lookup("of_good").function("int(void)")() == ord("g")
        with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
            jit.lookup("of_bad")
        with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
            jit.initialize()
        called: list[int] = []
        nobody = ctypes.CFUNCTYPE(None)(lambda: called.append(1))
        jit.define("nobody", nobody)
        jit.initialize()
        assert sorted(notes.said) == ["bad", "good"]
        assert called == [1]


def test_good_roots_run_beside_a_failing_one(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_object(cc(root("bad", body="extern void nobody(void);|nobody();")))
        jit.add_object(cc(root("good")))
        jit.add_object(cc("int plain(void) { return 7; }"))
        with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
            jit.lookup("plain")
        jit.lookup("plain")
        assert str(notes) == "good"


def test_initialisers_call_back_into_the_jit(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        answers: list[int] = []

        def ask() -> None:
            code = jit.add_object(cc("int late(void) { return 99; }"))
            answers.append(jit.lookup("late").function("int(void)")())
            answers.append(jit.lookup("of_a").function("int(void)")())
            code.remove()

        callback = ctypes.CFUNCTYPE(None)(ask)
        jit.define("ask", callback)
        jit.add_object(cc(root("a", body="extern void ask(void);|ask();")))
        jit.add_object(cc(root("b")))
        jit.initialize()
        assert str(notes) == "a b"
        assert answers == [99, ord("a")]
        assert jit.lookup("of_b").function("int(void)")() == ord("b")


def test_an_initialiser_adds_a_root(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        inner = cc(root("inner"))
        callback = ctypes.CFUNCTYPE(None)(lambda: (jit.add_object(inner), jit.initialize())[1])
        jit.define("ask", callback)
        jit.add_object(cc(root("outer", body="extern void ask(void);|ask();")))
        jit.initialize()
        assert str(notes) == "outer inner"


def test_a_finaliser_calls_back_into_the_jit(cc: Compile, notes: Notes) -> None:
    with opened(notes) as jit:
        jit.add_object(cc("int still(void) { return 5; }"))
        answers: list[int] = []
        callback = ctypes.CFUNCTYPE(None)(lambda: answers.append(jit.lookup("still").function("int(void)")()))
        jit.define("ask", callback)
        source = """
            extern void ask(void);
            __attribute__((destructor)) static void end(void) { ask(); }
            int f(void) { return 0; }
        """
        code = jit.add_object(cc(source))
        jit.lookup("f")
        code.remove()
        assert answers == [5]


def test_constructors_of_old_kinds(cc: Compile, notes: Notes) -> None:
    source = """
        extern void note(const char *);
        static void one(void) { note("1"); }
        static void two(void) { note("2"); }
        static void three(void) { note("3"); }
        static void four(void) { note("4"); }
        __attribute__((section(".ctors"), used)) static void (*late[])(void) = {one, two};
        __attribute__((section(".preinit_array"), used)) static void (*first)(void) = three;
        __attribute__((section(".dtors"), used)) static void (*end[])(void) = {four};
        int f(void) { return 0; }
    """
    with opened(notes) as jit:
        jit.add_object(cc(source))
        jit.lookup("f")
        assert str(notes) == "3 2 1"
    assert str(notes) == "3 2 1 4"
