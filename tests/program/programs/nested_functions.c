// GNU nested functions that need no trampoline: called directly, using variables of the enclosing function.
//#flags: -O0 | -O2
#include <stdio.h>

int main(void)
{
    int total = 0;
    auto void add(int x);
    void add(int x)
    {
        total += x;
        if (x > 1)
            add(x - 1);
    }
    add(10);
    printf("%d\n", total);
    return 0;
}
