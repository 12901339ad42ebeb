// Libraries that refer to thread-locals of the program, in every model: its own, an archive's, and one that both define.
//#compilers: gcc clang
//#flags: -O1 | -O2 -fPIC | -O1 -fPIC -mtls-dialect=gnu2
//#sources: main.c
//#shared: libgeneral.so: general.c
//#shared: libinitial.so: initial.c
//#shared: libdescribed.so: described.c
//#cflags[initial.c]: -ftls-model=initial-exec
//#archive: libmore.a: more.c
//#native: libmore.a
//#places: child wire
#include <pthread.h>
#include <stdio.h>

__thread int depth = 7;
__thread struct { _Alignas(64) char text[70]; int last; } wide = {"wide", 9};
__thread long zero;
__thread int shared_by_both = 3;
static __thread int own = 1;
static int target;
__thread int *pointer = &target;

#define LIBRARY(name) \
    int name##_depth(void), name##_wide(void), name##_both(void), *name##_pointer(void); \
    long *name##_zero(void);
LIBRARY(general)
LIBRARY(initial)
LIBRARY(described)
int general_archive(void);

static void show(const char *who)
{
    printf("%s %d %d %d\n", who, general_depth(), initial_depth(), described_depth());
    printf("%d %d %d\n", general_wide(), initial_wide(), described_wide());
    printf("%d %d %d\n", general_both(), initial_both(), described_both());
    printf("%d %d %d\n", general_zero() == &zero, initial_zero() == &zero, described_zero() == &zero);
    printf("%d %d %d\n", general_pointer() == &target, initial_pointer() == &target, described_pointer() == &target);
    printf("%d %d\n", general_archive(), own);
}

static void *thread(void *unused)
{
    show("new thread");
    depth += 100, own++, shared_by_both += 10, wide.last = 4;
    show("changed");
    return unused;
}

int main(void)
{
    pthread_t other;
    show("begin");
    depth++, shared_by_both++, wide.text[69] = 1, wide.last++, own = 5;
    show("changed");
    pthread_create(&other, 0, thread, 0);
    pthread_join(other, 0);
    show("end");
    return 0;
}
