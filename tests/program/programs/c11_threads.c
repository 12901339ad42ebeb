// C11 threads, tss, call_once, _Thread_local and atomics (16 bytes from libatomic).
//#compilers: gcc
//#link: -latomic
#include <stdatomic.h>
#include <stdio.h>
#include <threads.h>

struct wide { long a, b; };
static _Atomic struct wide both;
static atomic_int count;
static _Thread_local int own = 5;
static once_flag flag = ONCE_FLAG_INIT;
static void once(void) { puts("once"); }

static int work(void *arg)
{
    call_once(&flag, once);
    for (int i = 0; i < 1000; i++) {
        own++;
        atomic_fetch_add(&count, 1);
        struct wide old = atomic_load(&both), new;
        do
            new = (struct wide){old.a + 1, old.b + 2};
        while (!atomic_compare_exchange_weak(&both, &old, new));
    }
    return own + *(int *)arg;
}

int main(void)
{
    thrd_t t[3];
    int bias[3] = {1, 2, 3}, result;
    for (int i = 0; i < 3; i++)
        thrd_create(&t[i], work, &bias[i]);
    for (int i = 0; i < 3; i++) {
        thrd_join(t[i], &result);
        printf("%d\n", result);
    }
    struct wide w = atomic_load(&both);
    printf("%d %ld %ld own %d\n", count, w.a, w.b, own);
    return 0;
}
