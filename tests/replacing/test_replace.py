"""Code that is replaced while it runs: callers, pointers, variables, what fails, what is given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import uruk
from uruk.errors import StaticsDiffer
from uruk.orc.replacing.replacing import versions_of

from support.compiling import Compile, RunChild
from support.replacing import replace_often

CALLER = """
    int f(void);
    int (*pointer)(void) = f;
    int call(void) { return f(); }
    int call_pointer(void) { return pointer(); }
"""


@pytest.fixture(params=["here", "shared", "wire", "aarch64"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    where: str = request.param
    if where == "aarch64":
        executor = uruk.spawn(target="aarch64-linux")
    else:
        executor = None if where == "here" else uruk.spawn(shared_memory=where == "shared")
    with uruk.LLJIT(executor=executor) as one:
        yield one


def call(jit: uruk.LLJIT, name: str) -> int:
    result: int = jit.lookup(name).function("int(void)")()
    return result


def counting(step: int, more: str = "") -> str:
    return f"static int n; {more} int f(void) {{ return n += {step}; }}"


def test_callers_and_pointers_get_the_new_code(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text=counting(1), replaceable=True)
    jit.add_source(text=CALLER)
    held = jit.lookup("f")
    kept = held.function("int(void)")
    assert [call(jit, "call"), call(jit, "call_pointer"), kept()] == [1, 2, 3]
    code.replace(text=counting(10))
    assert [call(jit, "call"), call(jit, "call_pointer"), kept()] == [13, 23, 33]
    assert jit.lookup("f") == held


def test_the_objects_own_calls_go_through_stubs(jit: uruk.LLJIT) -> None:
    text = "int f(int x) {{ return x {step}; }} int twice(int x) {{ return f(f(x)); }} int (*own)(int) = f;"
    flags = ["-O2", "-fno-inline"]
    code = jit.add_source(text=text.format(step="+ 1"), flags=flags, replaceable=True)
    jit.add_source(text="extern int (*own)(int); int through(int x) { return own(x); }")
    twice, through = (jit.lookup(name).function("int(int)") for name in ("twice", "through"))
    assert (twice(5), through(5)) == (7, 6)
    code.replace(text=text.format(step="* 3"))
    assert (twice(5), through(5)) == (45, 15)


@pytest.mark.parametrize("options", [["-O0"], ["-O2"], ["-O2", "-fno-pic", "-fno-pie"]], ids=" ".join)
def test_pointers_to_static_functions_get_the_new_code(jit: uruk.LLJIT, options: list[str]) -> None:
    text = """
        static int helper(int x) {{ return x {step}; }}
        static int (*handler)(int);
        static int (*const table[])(int) = {{ helper, helper }};
        void begin(void) {{ handler = helper; }}
        int go(int x) {{ return handler(x) + 1000 * table[x & 1](x); }}
    """
    code = jit.add_source(text=text.format(step="+ 1"), flags=options, replaceable=True)
    go = jit.lookup("go").function("int(int)")
    jit.lookup("begin").function("void(void)")()
    assert go(5) == 6006
    code.replace(text=text.format(step="* 2"))
    assert go(5) == 10010
    code.replace(text=text.format(step="* 3"))
    jit.collect()
    assert go(5) == 15015


def test_direct_calls_of_static_functions_stay_in_their_version(jit: uruk.LLJIT) -> None:
    """gcc knows which registers a static function leaves alone: an old caller must not get a new one."""
    text = """
        int step(void);
        __attribute__((noinline)) static int helper(int x) {{ return x {step}; }}
        int go(int x) {{ int before = helper(x); return 100 * before + step() + helper(x); }}
        int (*unused)(int) = helper;
    """
    code = jit.add_source(text=text.format(step="+ 1"), flags=["-O2"], replaceable=True)
    jit.add_source(text="int go(int); int step(void) { return 0; }")
    go = jit.lookup("go").function("int(int)")
    names = [jit.session.ids.text(name) for _, name, _ in versions_of(code).stubs()]
    assert any(name.startswith(b"helper [static") for name in names)  # its address is taken in data
    assert go(5) == 606
    code.replace(text=text.format(step="* 2"))
    assert go(5) == 1010
    graph = next(iter(versions_of(code).graphs.values()))
    assert graph.edges is not None
    pairs = zip(graph.edges.target.tolist(), graph.edges.block.tolist(), strict=True)
    led = [graph.section_name(block) for row, block in pairs if graph.symbol_name(row).startswith("helper [static")]
    assert ".text.go" not in led


def test_variables_stay(jit: uruk.LLJIT) -> None:
    before = "int shared = 1; static int file = 10; static int zero; int f(void) { static int own = 100; "
    body = "return ++shared + ++file + ++own + ++zero; }"
    code = jit.add_source(text=before + body, replaceable=True)
    jit.add_source(text="extern int shared; int get(void) { return shared; }")
    assert call(jit, "f") == 2 + 11 + 101 + 1
    code.replace(text="static int more = 5; static char text[100]; " + before + "++more; text[1]++;" + body)
    assert call(jit, "f") == 3 + 12 + 102 + 2
    assert call(jit, "get") == 3
    code.replace(text=before + body)
    assert call(jit, "f") == 4 + 13 + 103 + 3


def test_variables_that_differ(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text=counting(1), replaceable=True)
    assert call(jit, "f") == 1
    with pytest.raises(StaticsDiffer, match=r"<c text 2>: .*`n' has 8 bytes, and had 4.*statics=\"new\""):
        code.replace(text="static long n; int f(void) { return n += 5; }")
    assert call(jit, "f") == 2  # the old code goes on
    code.replace(text="static long n = 40; int f(void) { return n += 5; }", statics="new")
    assert call(jit, "f") == 45


def test_a_replacement_that_does_not_link(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text=counting(1), replaceable=True)
    assert call(jit, "f") == 1
    with pytest.raises(uruk.UndefinedSymbols, match="nowhere"):
        code.replace(text="int nowhere(void); int g(void) { return nowhere(); } int f(void) { return g(); }")
    with pytest.raises(uruk.CompileError):
        code.replace(text="int f(void) { return }")
    assert call(jit, "f") == 2
    code.replace(text=counting(7, "int g(void) { return 3; }"))
    assert (call(jit, "f"), call(jit, "g")) == (9, 3)


@pytest.mark.parametrize("jit", ["here"], indirect=True)
def test_variables_that_are_gone(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text="int v = 4; int f(void) { return v; }", replaceable=True)
    assert call(jit, "f") == 4
    with pytest.raises(uruk.UndefinedSymbols, match="v"):
        code.replace(text="extern int v; int f(void) { return v + 1; }")
    assert call(jit, "f") == 4
    code.replace(text="extern int v __attribute__((weak)); int f(void) { return &v ? 1 : 2; }")
    assert call(jit, "f") == 2


@pytest.mark.parametrize("jit", ["here", "shared"], indirect=True)
def test_thread_locals(jit: uruk.LLJIT) -> None:
    text = "__thread int v = {value}; int f(void) {{ return v++; }}"
    code = jit.add_source(text=text.format(value=1), replaceable=True)
    assert [call(jit, "f"), call(jit, "f")] == [1, 2]
    with pytest.raises(StaticsDiffer, match="`v' is thread-local"):
        code.replace(text=text.format(value=50))
    code.replace(text=text.format(value=50), statics="new")
    assert [call(jit, "f"), call(jit, "f")] == [50, 51]


def test_cpp(jit: uruk.LLJIT) -> None:
    """Constructors run once, destructors once; old objects get the new virtual functions, exceptions pass."""
    text = """
        #include <stdexcept>
        struct Base {{ virtual ~Base() {{}} virtual int area() {{ return {area}; }} }};
        struct Counted {{ int value; Counted() : value(40) {{ ++value; }} ~Counted() {{ value = 0; }} }};
        static Counted counted;
        static Base *held;
        extern "C" int make() {{ held = new Base; return counted.value; }}
        extern "C" int area() {{ return held->area() + counted.value++; }}
        extern "C" int thrown()
        {{
            try {{ throw std::runtime_error("x"); }} catch (std::exception &) {{ return {area}; }}
        }}
    """
    code = jit.add_source(text=text.format(area=1), language="c++", replaceable=True)
    assert [call(jit, "make"), call(jit, "area"), call(jit, "thrown")] == [41, 42, 1]
    code.replace(text=text.format(area=100))
    assert [call(jit, "area"), call(jit, "thrown")] == [142, 100]


COUNTED = """
    extern "C" int destroyed;
    int begin() {{ return {value}; }}
    struct Counted {{ int value; Counted() : value(begin()) {{}} ~Counted() {{ destroyed = value; }} }};
    {variables}
    extern "C" int next() {{ return counted.value++; }}
"""


@pytest.mark.parametrize("jit", ["here", "shared", "wire"], indirect=True)
def test_initialisers_call_their_own_version(jit: uruk.LLJIT) -> None:
    jit.add_source(text="int destroyed;")
    code = jit.add_source(text=COUNTED.format(value=1, variables="Counted counted;"), language="c++", replaceable=True)
    assert [call(jit, "next"), call(jit, "next")] == [1, 2]
    for value in (10, 20):
        code.replace(text=COUNTED.format(value=value, variables="Counted counted;"), statics="new")
        assert [call(jit, "next"), call(jit, "next")] == [value, value + 1]
    plain = 'int first() {{ return {value}; }} {more} extern "C" int get() {{ return {result}; }}'
    code = jit.add_source(text=plain.format(value=1, more="", result="first()"), language="c++", replaceable=True)
    assert call(jit, "get") == 1
    code.replace(text=plain.format(value=2, more="int other = first();", result="other"))
    assert call(jit, "get") == 2


@pytest.mark.parametrize("jit", ["here", "shared", "wire"], indirect=True)
def test_destructors_run_before_stubs_go(jit: uruk.LLJIT) -> None:
    """Their addresses are those of stubs, which nothing may have called before."""
    jit.add_source(text="int destroyed; int get(void) { return destroyed; }")
    for change in (False, True):
        text = COUNTED.format(value=1, variables="static Counted counted; static thread_local Counted local;")
        code = jit.add_source(text=text, language="c++", replaceable=True)
        assert [call(jit, "next"), call(jit, "next")] == [1, 2]
        if change:
            code.replace(text=COUNTED.format(value=5, variables="static Counted counted;"))
        assert code.remove().memory > 0
        assert call(jit, "get") == 3
        jit.write(jit.lookup("destroyed"), bytes(4))


def test_calls_under_way_end_in_the_old_code(jit: uruk.LLJIT) -> None:
    text = """
        volatile int waiting, go_on;
        int wait(void) {{ waiting = 1; while (!go_on) ; return {number}; }}
        int let_go(void) {{ return go_on = 1; }}
        int is_waiting(void) {{ return waiting; }}
    """
    code = jit.add_source(text=text.format(number=1), flags=["-O1"], replaceable=True)
    wait, let_go, is_waiting = (jit.lookup(name).function("int(void)") for name in ("wait", "let_go", "is_waiting"))
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(wait()))
    thread.start()
    while not is_waiting():
        pass
    for number in range(2, 6):
        code.replace(text=text.format(number=number))
    jit.collect()
    first = [old for old in code.retained if "(version 1)" in old.name]
    assert len(first) == 1
    assert "a thread is in it" in first[0].reason
    assert first[0].memory > 0
    assert len(code.retained) <= 2  # the word of one more may still be on some stack
    let_go()
    thread.join()
    assert (results, wait()) == ([1], 5)


@pytest.mark.parametrize("jit", ["here", "shared", "wire"], indirect=True)
def test_objects(cc: Compile, jit: uruk.LLJIT) -> None:
    code = jit.add_object(cc(counting(1), name="one"), replaceable=True)
    assert call(jit, "f") == 1
    code.replace(cc(counting(5), name="two"))
    assert call(jit, "f") == 6
    static = "static int g(void) { return 4; } "
    code.replace(cc(static + counting(5, "int (*p)(void) = g;")))
    code.replace(cc(static + counting(5, "void *get(void) { return g; }")))
    code.replace(cc(counting(2)))
    assert call(jit, "f") == 8
    reasons = [old.reason for old in code.retained]
    assert any("the newest version does not define `g'" in reason for reason in reasons)
    assert any("static `g' shares a section" in reason for reason in reasons)
    with pytest.raises(uruk.InvalidValue, match="was added as an object"):
        code.replace(text=counting(2))
    with pytest.raises(StaticsDiffer, match=r"-fdata-sections"):
        code.replace(cc("static int more; static int n; int f(void) { return n += more++; }", "-O1"))


def test_what_was_not_added_replaceable(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text=counting(1))
    with pytest.raises(uruk.InvalidValue, match="replaceable=True"):
        code.replace(text=counting(2))
    with pytest.raises(uruk.InvalidValue, match="replaceable='yes'"):
        jit.add_source(text=counting(1), replaceable="yes")


def test_a_function_that_is_gone(child: RunChild) -> None:
    """Its stub leads to an error that names it, though a library has a function of that name, and back again."""
    program = """
        import sys
        import uruk

        with uruk.LLJIT(executor=uruk.spawn()) as jit:
            code = jit.add_source(text="int abs(int x) { return 7; } int f(void) { return 1; }", replaceable=True)
            jit.add_source(text="int abs(int); int g(int x) { return abs(x); }", flags=["-fno-builtin"])
            g = jit.lookup("g").function("int(int)")
            print(g(-1))
            code.replace(text="int f(void) { return 2; }")
            code.replace(text="int abs(int x) { return 8; } int f(void) { return 3; }")
            print(g(-1))
            code.replace(text="int f(void) { return 2; }", name="without.c")
            try:
                g(-1)
            except uruk.ExecutorCrashed as error:
                print(type(error).__name__, jit.lazy_errors[0][1])
    """
    ended = child(program)
    message = "`abs' was called, but without.c, which replaced its code, does not define it"
    assert ended.out == f"7\n8\nExecutorCrashed {message}\n"
    assert message in ended.err


@pytest.mark.parametrize("jit", ["here", "shared"], indirect=True)
def test_eight_threads_lose_no_call(jit: uruk.LLJIT) -> None:
    """A few replacements; `make soak` does 10,000."""
    replace_often(jit, 20)


def test_a_session_that_prunes_takes_no_replaceable_code() -> None:
    with uruk.LLJIT(options=uruk.Options(prune=True)) as jit, pytest.raises(uruk.InvalidValue, match="prune=True"):
        jit.add_source(text="int f(void) { return 1; }", language="c", replaceable=True)
