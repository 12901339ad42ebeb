/* Calls of IFUNC resolvers, many at once. */

#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

#if defined __aarch64__

#include <sys/auxv.h>

static const word ARGUMENT = (word)1 << 62; /* _IFUNC_ARG_HWCAP: there is a second argument (glibc, sysdeps/aarch64/sys/ifunc.h) */

struct features {
    word size, hwcap, hwcap2;
};

static word call(word function)
{
    struct features features = {sizeof features, getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    return ((word(*)(word, const struct features *))function)(features.hwcap | ARGUMENT, &features);
}

#else

static word call(word function)
{
    return ((word(*)(void))function)();
}

#endif

/* Replace each resolver by the address that it returns, in order. */
EXPORTED void uruk_rt_call_resolvers(word *functions, word count)
{
    for (word i = 0; i < count; i++)
        functions[i] = call(functions[i]);
}
