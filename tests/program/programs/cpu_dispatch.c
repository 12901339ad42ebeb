// target_clones and __builtin_cpu_supports: the resolvers need __cpu_model and __cpu_indicator_init.
//#arch: x86_64
//#compilers: gcc clang
//#flags: -O2 | -O2 -fPIC
#include <stdio.h>

__attribute__((target_clones("avx2", "sse4.2", "default"))) int sum(const int *v, int n)
{
    int total = 0;
    for (int i = 0; i < n; i++)
        total += v[i] * 3;
    return total;
}

int main(void)
{
    int v[100];
    for (int i = 0; i < 100; i++)
        v[i] = i;
    __builtin_cpu_init();
    printf("%d %d %d %d\n", sum(v, 100), __builtin_cpu_supports("sse2") != 0, __builtin_cpu_supports("avx2") != 0,
           __builtin_cpu_is("intel") != 0);
    printf("%d\n", __builtin_cpu_supports("x86-64-v3") != 0);
    return 0;
}
