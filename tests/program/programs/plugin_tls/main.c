// Plug-ins that refer to thread-locals of the program that opens them, in every model and in several threads.
//#compilers: gcc clang
//#flags: -O1 | -O2 -fno-pie
//#sources: main.c
//#step: {cc} {flags} -shared -fPIC -o general.so {dir}/plugin.c
//#step: {cc} {flags} -shared -fPIC -ftls-model=initial-exec -o initial.so {dir}/plugin.c
//#link: -ldl
//#native: -rdynamic
//#uruk: -rdynamic
//#places: child wire
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

__thread int depth = 7;
__thread struct { _Alignas(64) char text[70]; int last; } wide = {"wide", 9};
__thread long zero;
static int target;
__thread int *pointer = &target;

static const char *const names[] = {"./general.so", "./initial.so"};
static int (*adds[2])(int);
static long *(*zeros[2])(void);

static void show(const char *who)
{
    for (int i = 0; i < 2; i++)
        printf("%s %s %d %d %d\n", who, names[i], adds[i](100), zeros[i]() == &zero, depth);
}

static void *thread(void *unused)
{
    show("new thread");
    depth += 50, wide.last = 4;
    show("changed");
    return unused;
}

static void *wait_for(void *gate)
{
    pthread_mutex_lock(gate); /* it was there before the plug-ins */
    show("old thread");
    pthread_mutex_unlock(gate);
    return 0;
}

int main(void)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t early, late;
    pthread_mutex_lock(&gate);
    pthread_create(&early, 0, wait_for, &gate);
    depth = 3, wide.last = 5;
    for (int i = 0; i < 2; i++) {
        void *plugin = dlopen(names[i], RTLD_NOW);
        if (!plugin)
            return puts(dlerror());
        adds[i] = (int (*)(int))dlsym(plugin, "add");
        zeros[i] = (long *(*)(void))dlsym(plugin, "address_of_zero");
        printf("seen by the constructor: %d\n", *(int *)dlsym(plugin, "seen"));
    }
    show("first thread");
    pthread_mutex_unlock(&gate);
    pthread_join(early, 0);
    pthread_create(&late, 0, thread, 0);
    pthread_join(late, 0);
    show("end");
    printf("%d %d\n", dlsym(RTLD_DEFAULT, "depth") == &depth, dlsym(dlopen(0, RTLD_NOW), "zero") == &zero);
    return 0;
}
