"""C++ texts with functions that throw: what leaves them, and objects that are counted, is the same in every place."""

from __future__ import annotations

COUNTED = """
    struct Counted {
        static int alive;
        int own = 1;
        Counted() { alive++; }
        Counted(const Counted &) { alive++; }
        ~Counted() { alive--; }
    };
    int Counted::alive = 0;
    extern "C" {
    int throws(int kind);
    int alive(void) { return Counted::alive; }
    int caught(int kind) { try { return throws(kind); } catch (...) { return 42; } }
    int through(int (*f)(int), int x) { Counted local; try { return f(x); } catch (std::exception &) { return 77; } }
    }
"""
"""It wants `std::exception`, and a definition of `throws`, which throws one of several kinds."""
GNU = (
    """
    #include <exception>
    #include <stdexcept>
    #include <string>
    namespace shapes {
        struct Wrong : virtual std::runtime_error { Wrong() : std::runtime_error("a virtual base") {} };
    }
    struct First { virtual ~First() {} long x; };
    struct Second : First, std::logic_error { Second() : std::logic_error("the second base") {} };
    extern "C" int under_way(void) { return std::uncaught_exceptions(); }
"""
    + COUNTED
    + """
    int throws(int kind) {
        std::string held(100, 'x');
        Counted local;
        switch (kind) {
        case 1: throw std::runtime_error("it is " + std::string(500, 'a'));
        case 2: throw 5;
        case 3: throw shapes::Wrong();
        case 4: throw Second();
        case 5: {
            std::exception_ptr kept;
            try { throw std::out_of_range("again"); } catch (...) { kept = std::current_exception(); }
            std::rethrow_exception(kept);
        }
        case 6: throw Counted();
        case 7: try { throw Counted(); } catch (...) { throw; }
        case 8: try { throw Counted(); } catch (...) { throw 5; }
        }
        return (int)held.size();
    }
"""
)
"""Functions that throw by the C++ library of GNU, or of LLVM."""
