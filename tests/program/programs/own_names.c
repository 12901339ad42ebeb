// What dlsym finds by RTLD_DEFAULT and by the handle of dlopen(0): the program's function before a library's of the
// same name; one that no library has only in a program that shows its names.
//#compilers: gcc clang
//#flags: @pic
//#native: -ldl
//#places: child wire
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

typedef int (*function)(void);

int getpid(void) { return 4711; }
int mine(void) { return 5; }

static int call(void *handle, const char *name) {
    function found = (function)dlsym(handle, name);
    return found ? found() : -1;
}

int main(void) {
    void *whole = dlopen(0, RTLD_NOW);
    function next = (function)dlsym(RTLD_NEXT, "getpid");
    printf("%d %d\n", call(RTLD_DEFAULT, "getpid"), call(whole, "getpid"));
    printf("%d %d\n", call(RTLD_DEFAULT, "mine"), call(whole, "mine"));
    printf("%d\n", next && next() != 4711);
    printf("%d %s\n", dlsym(whole, "nothing_like_it") != 0, dlerror() ? "an error" : "none");
    printf("%d\n", call(RTLD_DEFAULT, "getuid") == (int)getuid());
    return 0;
}
