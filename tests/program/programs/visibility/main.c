// Hidden, protected and internal symbols used across objects; addresses agree in all objects.
//#compilers: gcc clang
//#flags: -O1 -fPIE | -O1 -fPIC | -O1 -fno-pie | -O1 -mcmodel=large | -O1 -fPIC -fvisibility=hidden
#include "visible.h"

#include <stdio.h>

int main(void)
{
    printf("%d %d %d %d\n", normal_f(), hidden_f(), protected_f(), internal_f());
    printf("%d %d %d %d\n", normal_d, hidden_d, protected_d, internal_d);
    printf("same functions %d data %d\n", same_functions(normal_f, hidden_f, protected_f, internal_f),
           same_data(&normal_d, &hidden_d, &protected_d, &internal_d));
    hidden_d = protected_d = 100;
    printf("%d\n", hidden_f() + protected_f());
    return 0;
}
