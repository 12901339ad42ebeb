"""Forks, and the end of the interpreter, at awkward moments: in units, initialisers and lookups of other threads."""

from __future__ import annotations

from support.compiling import Compile, RunChild
from support.small import returns

PRELUDE = """
    import os, sys, threading, time, uruk
    from uruk import FunctionUnit, SymbolFlags
    F = SymbolFlags.EXPORTED | SymbolFlags.CALLABLE
    def call(jit, name):
        return jit.lookup(name).function("int(void)")()
"""


def test_a_fork_while_another_thread_makes_a_unit(cc: Compile, child: RunChild) -> None:
    """The child makes it again; the parent's goes on."""
    text = (
        PRELUDE
        + """
    inside, go = threading.Event(), threading.Event()
    def make(_):
        if os.getpid() == parent:
            inside.set(); go.wait(10)
        return sys.argv[1]
    parent = os.getpid()
    jit = uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2))
    jit.add_unit(FunctionUnit({"f": F}, make))
    future = jit.lookup_future(["f"])
    assert inside.wait(10)
    pid = os.fork()
    if pid == 0:
        assert call(jit, "f") == 5
        assert jit.lookup_future(["f"]).result(10)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    go.set()
    assert future.result(10)["f"].function("int(void)")() == 5
    """
    )
    assert child.ok(text, cc(returns("f", 5))) == ""


def test_a_fork_while_another_thread_asks_a_generator(cc: Compile, child: RunChild) -> None:
    text = (
        PRELUDE
        + """
    inside, go = threading.Event(), threading.Event()
    def make(dylib, names):
        if os.getpid() == parent:
            inside.set(); go.wait(10)
        dylib.add_object(sys.argv[1])
    parent = os.getpid()
    jit = uruk.LLJIT()
    jit.add_generator(make)
    future = jit.lookup_future(["f"])
    assert inside.wait(10)
    pid = os.fork()
    if pid == 0:
        assert call(jit, "f") == 5
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    go.set()
    assert future.result(10)
    """
    )
    assert child.ok(text, cc(returns("f", 5))) == ""


def test_a_fork_while_another_thread_initialises(cc: Compile, child: RunChild) -> None:
    """What the parent's thread was at counts as done in the child, as natively; nobody waits for it."""
    source = """
        #include <stdlib.h>
        #include <unistd.h>
        static int ready;
        __attribute__((constructor)) static void begin(void) {
            if (write(atoi(getenv("BEGUN")), "x", 1) == 1) usleep(600000);
            ready = 1;
        }
        int f(void) { return 5 + ready; }
    """
    text = (
        PRELUDE
        + """
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[1])
    jit.add_object(sys.argv[2])
    begun, begin = os.pipe()
    os.environ["BEGUN"] = str(begin)
    thread = threading.Thread(target=call, args=(jit, "f"))
    thread.start()
    os.read(begun, 1)
    pid = os.fork()
    if pid == 0:
        assert call(jit, "f") == 5 and call(jit, "g") == 3
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert call(jit, "f") == 6
    thread.join()
    """
    )
    assert child.ok(text, cc(source), cc(returns("g", 3))) == ""


def test_a_fork_in_a_unit(cc: Compile, child: RunChild) -> None:
    text = (
        PRELUDE
        + """
    def make(_):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if call(jit, "g") == 3 else 1)
        assert os.waitpid(pid, 0)[1] == 0
        return sys.argv[1]
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[2])
    jit.add_unit(FunctionUnit({"f": F}, make))
    assert call(jit, "f") == 5
    """
    )
    assert child.ok(text, cc(returns("f", 5)), cc(returns("g", 3))) == ""


def test_many_forks_while_threads_work(cc: Compile, child: RunChild) -> None:
    """Each child finds the tables whole, and goes on with them."""
    text = (
        PRELUDE
        + """
    data = open(sys.argv[1], "rb").read()
    jit = uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2))
    jit.add_object(data.replace(b"fxx", b"fyy"))
    assert call(jit, "fyy") == 5  # a fork in another thread's first import would leave the module locked for ever
    stop = False
    def work(number):
        count = 0
        while not stop:
            name = f"f{number}{count % 10}"
            code = jit.add_object(data.replace(b"fxx", name.encode()))
            assert call(jit, name) == 5
            code.remove()
            count += 1
    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads: thread.start()
    for number in range(15):
        pid = os.fork()
        if pid == 0:
            jit.add_object(data)
            os._exit(7 if call(jit, "fxx") == 5 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    stop = True
    for thread in threads: thread.join()
    """
    )
    assert child.ok(text, cc(returns("fxx", 5))) == ""


WAITS = """
    #include <pthread.h>
    #include <unistd.h>
    volatile int stopped;
    int inside;
    int add(int a, int b) { return a + b; }
    int wait(int result) { __sync_add_and_fetch(&inside, 1); while (!stopped) usleep(1000); return result; }
    struct pair { long a, b; };
    long wait_pair(struct pair p) { __sync_add_and_fetch(&inside, 1); while (!stopped) usleep(1000); return p.b; }
    void leave(void) { pthread_exit(0); }
"""
CALLING = (
    PRELUDE
    + """
    jit = uruk.LLJIT()
    code = jit.add_object(sys.argv[1])
    add = jit.lookup("add").function("int(int, int)")
    wait = jit.lookup("wait").function("int(int)")
    wait_pair = jit.lookup("wait_pair").function("struct pair { long a, b; }; long(struct pair)")
    leave = jit.lookup("leave").function("void(void)")
    def start(*functions):
        threads = [threading.Thread(target=function) for function in functions]
        for thread in threads: thread.start()
        return threads
    def work():
        for number in range(50): assert add(number, 1) == number + 1
    def by_many_threads():
        for thread in start(*[work] * 8): thread.join()
"""
)


def test_a_fork_while_other_threads_are_in_calls(cc: Compile, child: RunChild) -> None:
    """The child's threads use the stacks of those that are not there, and nothing keeps the code from going."""
    text = (
        CALLING
        + """
    inside, stopped = (jit.array(jit.lookup(name), 1, "i4") for name in ("inside", "stopped"))
    waiting = start(*[lambda: wait(1), lambda: wait_pair((1, 2))] * 3)
    while inside[0] < 6: time.sleep(0.001)
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            by_many_threads()
            os._exit(7 if not code.remove().deferred else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert code.remove().calls_under_way == 6
    stopped[0] = 1
    for thread in waiting: thread.join()
    """
    )
    assert child.ok(text, cc(WAITS)) == ""


def test_threads_that_end_in_a_call(cc: Compile, child: RunChild) -> None:
    text = (
        CALLING
        + """
    import _thread
    for _ in range(10):
        _thread.start_new_thread(lambda: leave(), ())
        work()
    by_many_threads()
    """
    )
    assert child.ok(text, cc(WAITS)) == ""


LOUD = """
    #include <stdio.h>
    #include <stdlib.h>
    static void last(void) { puts("atexit"); fflush(stdout); }
    __attribute__((constructor)) static void begin(void) { atexit(last); }
    __attribute__((destructor)) static void end(void) { puts("destructor"); fflush(stdout); }
    int f(void) { return 5; }
"""


def test_the_end_while_a_pools_thread_makes_a_unit(cc: Compile, child: RunChild) -> None:
    """The process ends at once; what was begun natively ends in its order."""
    text = (
        PRELUDE
        + """
    jit = uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2))
    jit.add_object(sys.argv[1])
    assert call(jit, "f") == 5
    inside = threading.Event()
    def make(_):
        inside.set(); time.sleep(60)
    jit.add_unit(FunctionUnit({"slow": F}, make))
    jit.lookup_future(["slow"])
    assert inside.wait(10)
    """
    )
    assert child.ok(text, cc(LOUD)).split() == ["atexit", "destructor"]


def test_the_end_in_several_dylibs(cc: Compile, child: RunChild) -> None:
    """Users end before what they use, though the lower dylib was added later."""
    source = """
        #include <stdio.h>
        #include <stdlib.h>
        __attribute__((destructor)) static void end(void) { puts("NAME"); fflush(stdout); }
        extern int OTHER(void);
        int NAME(void) { return OTHER(); }
    """
    top = source.replace("NAME", "top").replace("OTHER", "low")
    low = source.replace("NAME", "low").replace("OTHER", "getpid")
    text = (
        PRELUDE
        + """
    jit = uruk.LLJIT()
    high, low = jit.create_dylib("high"), jit.create_dylib("low")
    high.set_link_order([low])
    jit.add_object(sys.argv[1], dylib=low)
    jit.add_object(sys.argv[2], dylib=high)
    assert jit.lookup("top", high).function("int(void)")() == os.getpid()
    """
    )
    assert child.ok(text, cc(low), cc(top)).split() == ["top", "low"]


def test_lookups_at_the_end_of_the_interpreter(cc: Compile, child: RunChild) -> None:
    """Exit functions of Python that run before and after the session's: they work, or raise; nothing hangs."""
    text = (
        PRELUDE
        + """
    import atexit
    def late():
        try:
            print(call(jit, "f"))
            print(jit.lookup_future(["f"]).result(5)["f"].function("int(void)")())
        except uruk.SessionClosed as error:
            print("closed")
        except RuntimeError as error:
            print("no threads any more")
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[1])
    atexit.register(late)
    """
    )
    assert child.ok(text, cc(returns("f", 5))).split()[0] == "5"


def test_an_interrupt_while_a_lookup_waits(cc: Compile, child: RunChild) -> None:
    """Ctrl-C in the waiting thread: the lookup ends, the unit goes on, and the session with it."""
    text = (
        PRELUDE
        + """
    import signal
    go = threading.Event()
    def make(_):
        go.wait(10)
        return sys.argv[1]
    jit = uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(1))
    jit.add_unit(FunctionUnit({"f": F}, make))
    jit.lookup_future(["f"])
    time.sleep(0.2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where this runs in the background, it is ignored
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    try:
        jit.lookup("f")
    except KeyboardInterrupt:
        print("interrupted")
    go.set()
    print(call(jit, "f"))
    """
    )
    assert child.ok(text, cc(returns("f", 5))).split() == ["interrupted", "5"]
