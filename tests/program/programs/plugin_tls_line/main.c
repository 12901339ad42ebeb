// A library of the line and a plug-in refer to the same thread-local of a program that shows nothing else to plug-ins.
//#compilers: gcc clang
//#flags: -O1 | -O2 -fPIC | -O1 -fPIC -mtls-dialect=gnu2
//#sources: main.c
//#shared: libcommon.so: common.c
//#step: {cc} {flags} -DPLUGIN -shared -fPIC -o plugin.so {dir}/common.c
//#link: -ldl
//#places: child wire
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

__thread int depth = 7;
int change(int);
static int (*changes[2])(int);

static void *thread(void *unused)
{
    printf("%d %d %d\n", changes[0](1), changes[1](10), depth);
    return unused;
}

int main(void)
{
    pthread_t other;
    changes[0] = change;
    depth++;
    for (int times = 0; times < 2; times++) { /* bound again when it comes again */
        void *plugin = dlopen("./plugin.so", RTLD_NOW);
        if (!plugin)
            return puts(dlerror());
        changes[1] = (int (*)(int))dlsym(plugin, "change");
        thread(0);
        pthread_create(&other, 0, thread, 0);
        pthread_join(other, 0);
        dlclose(plugin);
    }
    return 0;
}
