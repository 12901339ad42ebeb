#include "failures.h"

Base::~Base() = default;
const char *Base::describe() const { return "a base"; }
const char *Derived::describe() const { return "a derived"; }

void fail(Kind kind, int code)
{
    switch (kind) {
    case Kind::own: throw Base(code);
    case Kind::derived: throw Derived(code);
    case Kind::number: throw code;
    case Kind::text: throw "a text";
    }
}

struct Count {
    int &n;
    ~Count() { n++; }
};

static void down(int n, int &count)
{
    Count guard{count};
    if (n == 0)
        throw 1L;
    down(n - 1, count);
}

int deep(int n)
{
    int count = 0;
    try {
        down(n, count);
    } catch (long) {
    }
    return count;
}
