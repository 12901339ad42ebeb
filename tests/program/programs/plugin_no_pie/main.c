// A plug-in of a program at a fixed address: the library's variable that the program has a copy of, and the function whose
// address is a stub's, are the program's for the plug-in and for dlsym, too.
//#compilers: gcc clang
//#flags: -O1 -fno-pie
//#step: {cc} -shared -fPIC -o libheld.so -x c {dir}/held.txt -Wl,-soname,libheld.so
//#step: {cc} -shared -fPIC -o plugin.so -x c {dir}/plugin.txt -x none -L. -lheld
//#places: child wire
//#sources: main.c
//#link: -L{build} -lheld -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

extern int held;
extern int table[];
int twice(int);
int held_by_library(void);

int main(void) {
    held = 5;
    void *plugin = dlopen("./plugin.so", RTLD_NOW);
    if (!plugin) {
        puts(dlerror());
        return 1;
    }
    int (*change)(int) = (int (*)(int))dlsym(plugin, "change");
    int *(*place)(void) = (int *(*)(void))dlsym(plugin, "place");
    int (*(*function)(void))(int) = (int (*(*)(void))(int))dlsym(plugin, "function");
    printf("%d\n", change(37));
    printf("%d %d\n", held, held_by_library());
    printf("%d %d %d\n", place() == &held, function() == twice, table[1]);
    printf("%d %d\n", dlsym(RTLD_DEFAULT, "held") == &held, dlsym(RTLD_DEFAULT, "twice") == (void *)twice);
    printf("%d %d\n", dlsym(dlopen(0, RTLD_NOW), "held") == &held, twice(4));
    return 0;
}
