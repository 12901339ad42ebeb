// Thread-locals of a shared library, used directly from linked code, and from the library.
//#compilers: gcc
//#flags: -O2 -fPIC | -O2
//#shared: libtlsowner.so: owner.c
//#link: -lpthread
#include <pthread.h>
#include <stdio.h>

extern __thread int library_value;
extern __thread long library_zero;
int library_next(void);

static void *work(void *arg)
{
    library_value += *(int *)arg;
    library_zero--;
    printf("%d %d %ld\n", library_next(), library_value, library_zero);
    return NULL;
}

int main(void)
{
    int by = 10;
    pthread_t t;
    work(&by);
    pthread_create(&t, NULL, work, &by);
    pthread_join(t, NULL);
    work(&by);
    return 0;
}
