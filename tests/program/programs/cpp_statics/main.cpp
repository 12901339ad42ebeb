// Static objects over three objects in link order, init_priority, function-local statics, and destruction in reverse.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC | -O1 -fno-pie | -O1 -mcmodel=large
//#exit: 3
//#sources: late.cpp main.cpp early.cpp
#include "life.h"

static Life first("main first");
static Life second("main second");
Life prioritised __attribute__((init_priority(300))) ("main priority 300");
template <int N> struct Holder { static Life life; };
template <int N> Life Holder<N>::life("template");
inline Life inline_life("inline");

Life &local_static()
{
    static Life life("function-local");
    return life;
}

int main()
{
    std::puts("main begins");
    local_static();
    Holder<1>::life.touch();
    late_static();
    local_static();
    Life automatic("automatic");
    std::puts("main ends");
    return touches();
}
