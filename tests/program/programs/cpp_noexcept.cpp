// An exception that meets noexcept ends in std::terminate, found by the search phase.
//#compilers: gcc clang
//#flags: -O0 | -O2
//#signal: SIGABRT
#include <cstdio>

struct Guard { ~Guard() { std::fputs("may or may not unwind\n", stdout); } };
[[gnu::noinline]] static void inner() { throw 5; }
[[gnu::noinline]] static void outer() noexcept { inner(); }

int main()
{
    try {
        outer();
    } catch (int) {
        std::puts("not here");
    }
}
