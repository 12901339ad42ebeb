/* Four threads count in one 16-byte object by each operation that the runtime has. */
#include <pthread.h>
#include <stdio.h>

typedef unsigned __int128 u128;
static u128 sum, swapped, bits;
enum { THREADS = 4, ROUNDS = 20000 };

static void *work(void *argument)
{
    unsigned self = (unsigned)(unsigned long)argument;
    u128 step = (u128)1 << 64 | 1;
    for (int i = 0; i < ROUNDS; i++) {
        __atomic_fetch_add(&sum, step, __ATOMIC_SEQ_CST);
        u128 old = __atomic_load_n(&swapped, __ATOMIC_SEQ_CST);
        while (!__atomic_compare_exchange_n(&swapped, &old, old + step, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
        __atomic_fetch_xor(&bits, (u128)1 << (self + 64), __ATOMIC_SEQ_CST);
    }
    return 0;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (unsigned long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], 0, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], 0);
    u128 expected = ((u128)1 << 64 | 1) * THREADS * ROUNDS, x = 5;
    printf("%d %d %d\n", sum == expected, swapped == expected, bits == 0);
    __atomic_store_n(&x, (u128)6 << 64 | 12, __ATOMIC_SEQ_CST);
    u128 old = __atomic_exchange_n(&x, (u128)7 << 64 | 10, __ATOMIC_SEQ_CST);
    printf("%d %d", (int)(old >> 64), (int)old);
    __atomic_fetch_sub(&x, 2, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&x, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&x, ~(u128)0 << 3 | 1, __ATOMIC_SEQ_CST);
    printf(" %d %d", (int)(x >> 64), (int)x);
    __atomic_fetch_nand(&x, 1, __ATOMIC_SEQ_CST);
    printf(" %d %d\n", (int)(x >> 64), (int)x);
    return 0;
}
