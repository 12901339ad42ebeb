#include <cstdio>
#include <stdexcept>

struct Life {
    Life() { std::puts("library up"); }
    ~Life() { std::puts("library down"); }
};

static Life life;

extern "C" int run(int n)
{
    if (n < 0)
        throw std::out_of_range("below zero");
    return n * 3;
}
