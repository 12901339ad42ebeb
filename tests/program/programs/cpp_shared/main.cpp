// Exceptions through a shared library both ways, its classes derived from here, one typeinfo, one inline variable.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#shared: libplugin.so: plugin.cpp
#include "plugin.h"

#include <cstdio>
#include <typeinfo>

struct Mine : Shape {
    double area() const override { return 2.5; }
    const char *name() const override { throw Problem("no name"); }
};

int main()
{
    try {
        call([](int n) { if (n == 3) throw Problem("from the callback"); std::printf("callback %d\n", n); });
    } catch (const Problem &p) {
        std::printf("caught here: %s\n", p.text);
    }
    try {
        fail_in_library("from the library");
    } catch (const Problem &p) {
        std::printf("caught: %s\n", p.text);
    }
    Mine mine;
    std::printf("library caught: %s\n", describe(mine));
    Shape *square = make_square(3);
    std::printf("%s %g\n", square->name(), square->area());
    std::printf("dynamic_cast %d %d typeid %d\n", dynamic_cast<Square *>(square) != nullptr,
                dynamic_cast<Mine *>(square) != nullptr, typeid(*square) == typeid(Square));
    delete square;
    shared_count++;
    std::printf("count %d\n", library_count());
}
