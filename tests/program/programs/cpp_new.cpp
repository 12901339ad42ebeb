// operator new and delete replaced by the program, as its own code and the templates that it instantiates use them.
// (A shared library's own calls are bound to its own functions: see the README.)
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

static int balance, total;

void *operator new(std::size_t size)
{
    balance++;
    total++;
    if (void *p = std::malloc(size))
        return p;
    throw std::bad_alloc();
}

void operator delete(void *p) noexcept
{
    balance -= p != nullptr;
    std::free(p);
}

void operator delete(void *p, std::size_t) noexcept { operator delete(p); }

int main()
{
    {
        std::vector<int> numbers(1000, 7);
        auto *number = new int(5);
        std::printf("own: %d\n", balance);
        delete number;
    }
    std::printf("balance %d used %d\n", balance, total > 0);
}
