/* Calls of IFUNC resolvers, many at once. */

#define EXPORTED __attribute__((visibility("default")))

typedef unsigned long resolver(void);

/* Replace each function without arguments by the address that it returns, in order. */
EXPORTED void uruk_rt_call_resolvers(unsigned long *functions, unsigned long count)
{
    for (unsigned long i = 0; i < count; i++)
        functions[i] = ((resolver *)functions[i])();
}
