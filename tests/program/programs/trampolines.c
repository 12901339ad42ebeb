// Nested functions called by address: gcc makes code on the stack for that, which natively is executable then.
//#flags: -O0 | -O2 | -O2 -fno-pie | -O1 -fPIC
//#link: -lpthread
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int apply(int (*f)(int), int x) { return f(x); }

static void sort(int *values, size_t count, int sign)
{
    int calls = 0;
    int compare(const void *a, const void *b)
    {
        calls++;
        return sign * (*(const int *)a - *(const int *)b);
    }
    qsort(values, count, sizeof *values, compare);
    printf("%d %d %d, compared: %s\n", values[0], values[1], values[count - 1], calls > 0 ? "yes" : "no");
}

/* Each level has a trampoline of its own; the innermost returns through all of them. */
static int deep(int n, int (*outer)(int))
{
    int here(int x) { return outer(x) + n; }
    return n ? deep(n - 1, here) : here(0);
}

static void *work(void *arg)
{
    long *total = arg;
    int add(int x)
    {
        *total += x;
        return x;
    }
    for (int i = 0; i < 1000; i++)
        apply(add, i);
    return NULL;
}

static int leave(int n)
{
    __label__ out;
    int escape(int x)
    {
        if (x > 2)
            goto out;
        return x;
    }
    for (int i = 0;; i++)
        apply(escape, i);
out:
    return n;
}

static double wide(double a, double b, double (*f)(double, double, int, int, int, int, int, int, int))
{
    return f(a, b, 1, 2, 3, 4, 5, 6, 7);
}

static sigjmp_buf again;

static void on_fault(int number, siginfo_t *info, void *context)
{
    printf("fault at %p\n", info->si_addr);
    siglongjmp(again, number);
}

/* A program's own handler sees faults, and no calls of nested functions. */
static void faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, before;
    int seen = 0;
    int count(int x) { return seen += x; }
    sigaction(SIGSEGV, &action, &before);
    printf("%s\n", before.sa_handler == SIG_DFL ? "default" : "another");
    apply(count, 1);
    if (!sigsetjmp(again, 1))
        *(volatile int *)16 = seen;
    apply(count, 2);
    sigaction(SIGSEGV, NULL, &before);
    printf("%d %s\n", seen, before.sa_sigaction == on_fault ? "mine" : "another");
    printf("%s\n", signal(SIGSEGV, SIG_DFL) == (void (*)(int))on_fault ? "mine" : "another");
    apply(count, 4);
    printf("%d\n", seen);
}

int main(void)
{
    int values[] = {5, 3, 9, -2, 7};
    long totals[3] = {0};
    pthread_t threads[3];
    double scale = 10;
    int identity(int x) { return x + (int)scale; }
    double many(double a, double b, int c, int d, int e, int f, int g, int h, int i)
    {
        return scale * a + b + c + d + e + f + g + 100 * h + 1000 * i;
    }
    sort(values, 5, 1);
    sort(values, 5, -1);
    printf("%d\n", deep(20, identity));
    printf("%g\n", wide(1.5, 0.25, many));
    printf("%d\n", leave(8));
    faults();
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, work, &totals[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%ld %ld %ld\n", totals[0], totals[1], totals[2]);
    return 0;
}
