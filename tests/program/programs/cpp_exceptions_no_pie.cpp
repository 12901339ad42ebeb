// Exceptions of the program's own types in code that is not position-independent: 32-bit references in the tables.
//#compilers: gcc clang
//#flags: -O0 -fno-pie | -O2 -fno-pie
#include <cstdio>

struct Base { int code; virtual ~Base() {} };
struct Derived : Base { explicit Derived(int c) { code = c; } };
struct Guard { ~Guard() { std::puts("unwound"); } };

[[gnu::noinline]] static void down(int n)
{
    Guard guard;
    if (n == 0)
        throw Derived(33);
    down(n - 1);
}

int main()
{
    try {
        down(2);
    } catch (const Base &b) {
        std::printf("caught %d\n", b.code);
    }
    try {
        down(0);
    } catch (...) {
        std::puts("caught something");
    }
}
