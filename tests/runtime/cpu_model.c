/* Print the processor tables; linked with libgcc and with the runtime archive, the output must agree. */
#include <stdio.h>

extern struct {
    unsigned vendor, type, subtype, features;
} __cpu_model __attribute__((visibility("hidden")));
extern unsigned __cpu_features2[] __attribute__((visibility("hidden")));
extern int __cpu_indicator_init(void) __attribute__((visibility("hidden")));

__attribute__((target_clones("avx2", "default"))) int cloned(void)
{
    return 7;
}

int main(void)
{
    printf("before init: %d\n", __cpu_model.vendor != 0);
    printf("%d %u %u %u", __cpu_indicator_init(), __cpu_model.vendor, __cpu_model.type, __cpu_model.subtype);
    printf(" %08x %08x %08x", __cpu_model.features, __cpu_features2[0], __cpu_features2[1]);
    /* feature 98 is the last that gcc 12 knows */
    printf(" %x\n", __cpu_features2[2] & 7);
    printf("%d %d %d\n", !!__builtin_cpu_supports("avx2"), !!__builtin_cpu_supports("x86-64-v3"), cloned());
    return 0;
}
