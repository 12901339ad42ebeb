// C++ thread_local: extern with a wrapper function, dynamic initialisation, constructors and destructors per thread.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC | -O1 -mcmodel=large
#include "shared.h"

#include <cstdio>
#include <thread>

namespace {
thread_local Noisy local("local");
thread_local int computed = constant() * 2;

void work(int n)
{
    std::printf("thread %d begins, computed %d plain %d\n", n, computed, plain);
    exported.use();
    local.use();
    plain += n;
    computed += n;
    std::printf("thread %d ends, computed %d plain %d\n", n, computed, plain);
}
}

int main()
{
    for (int i = 1; i < 4; i++)
        std::thread(work, i).join();
    work(10);
    std::puts("main ends");
}
