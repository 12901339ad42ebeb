/* Initialisers in order with their arguments; finalisers last first, after what initialisers registered. */
#include <stdint.h>
#include <stdio.h>

typedef void initializer(int, char **, char **);
typedef void finalizer(void);
extern int64_t uruk_rt_run_initializers(initializer **, uint64_t, int, char **, char **, uint64_t *);
extern int64_t uruk_rt_register_finalizers(finalizer **, uint64_t, void *, uint64_t *);
extern int __cxa_atexit(void (*)(void *), void *, void *);
extern void __cxa_finalize(void *);

static int module, other;

static void at_exit(void *text) { puts(text); }
static void first(int argc, char **argv, char **envp)
{
    printf("first %d %s %s\n", argc, argv[1], envp[0]);
    __cxa_atexit(at_exit, "atexit of first", &module);
}
static void second(int argc, char **argv, char **envp)
{
    printf("second %d %s\n", argc, argv[0]);
    (void)envp;
    __cxa_atexit(at_exit, "atexit of second", &module);
}
static void last_one(void) { puts("fini 1"); }
static void first_one(void) { puts("fini 2"); }

int main(void)
{
    initializer *initializers[] = {first, 0, (initializer *)-1L, second};
    finalizer *finalizers[] = {last_one, 0, (finalizer *)-1L, first_one};
    char *argv[] = {"program", "argument", 0}, *envp[] = {"A=1", 0};
    uint64_t begun = 0;
    printf("%d\n", (int)uruk_rt_register_finalizers(finalizers, 4, &module, &begun));
    printf("%d\n", (int)uruk_rt_run_initializers(initializers, 4, 2, argv, envp, &begun));
    __cxa_finalize(&other);
    puts("finalize");
    __cxa_finalize(&module);
    __cxa_finalize(&module);
    puts("done");
    return 0;
}
