// What a program defines comes before what a library defines, for the library's own calls and data, too.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#shared: libinterposed.so: library.c
//#places: child wire
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sstream>
#include <string>
#include <vector>

static int allocations, frees;

void *operator new(std::size_t size)
{
    allocations++;
    if (void *room = std::malloc(size))
        return room;
    throw std::bad_alloc();
}
void operator delete(void *room) noexcept
{
    frees++;
    std::free(room);
}
void operator delete(void *room, std::size_t) noexcept
{
    frees++;
    std::free(room);
}

extern "C" {
int library_hook(int x) { return x + 1000; } // the library has one of its own
int library_level = 7;                       // and one of these
int library_call(int x);
int *library_address(void);
int (*library_pointer(void))(int);
int library_weak(void) { return 5; } // weak there
int library_uses_weak(void);
}

int main()
{
    {
        std::string text = "a string that is too long for the short form";
        for (int i = 0; i < 5; i++)
            text += text.substr(0, 20); // grows inside libstdc++
        std::ostringstream out;
        out << text << 42;
        std::vector<std::string> copies(3, out.str());
        std::printf("%zu %d\n", copies[2].size(), allocations == frees);
    }
    std::printf("allocations %d frees %d\n", allocations, frees);
    std::printf("%d %d\n", library_call(1), *library_address());
    library_level = 9;
    std::printf("%d %d %d\n", library_call(2), library_address() == &library_level, library_pointer() == library_hook);
    std::printf("%d\n", library_uses_weak());
    return 0;
}
