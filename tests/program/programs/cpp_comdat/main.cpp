// Templates, inline functions and variables in three objects: one address each, one function-local static, one guard.
//#compilers: gcc clang
//#flags: -O0 | -O2 | -O2 -fPIC -ffunction-sections | -O1 -fno-pie | -O1 -mcmodel=large
#include "shared.h"

#include <cstdio>

int main()
{
    Addresses mine = here(), a = from_a(), b = from_b();
    std::printf("function %d variable %d static %d template %d lambda %d\n",
                mine.function == a.function && a.function == b.function,
                mine.variable == a.variable && a.variable == b.variable,
                mine.local == a.local && a.local == b.local, mine.member == a.member && a.member == b.member,
                mine.lambda == a.lambda && a.lambda == b.lambda);
    std::printf("%d %d %d\n", *mine.local, *mine.variable, mine.function(5));
    std::printf("%zu constructed\n", constructed);
}
