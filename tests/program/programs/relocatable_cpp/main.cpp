// `ld -r` of two C++ objects: COMDAT groups left inside, empty sections with addresses, exceptions, static objects.
//#compilers: gcc clang
//#flags: -O0 | -O2
//#step: ld -r -o both.o main.o other.o
//#objects: both.o
#include "templates.h"

#include <cstdio>

static Counter counter("main");

int main()
{
    std::printf("%d %d\n", twice(4), other(5));
    try {
        thrower(3);
    } catch (const Failure &failure) {
        std::printf("caught %d %s\n", failure.code, failure.what());
    }
    std::printf("one instance: %d\n", &unique<int>() == other_unique());
}
