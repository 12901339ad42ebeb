// Wrappers of library functions that find what they wrap by RTLD_NEXT; RTLD_DEFAULT still finds libraries' names.
//#compilers: gcc clang
//#flags: @pic
//#link: -ldl -lm
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int calls;
static volatile double two = 2;

int puts(const char *text) {
    static int (*next)(const char *);
    if (!next)
        next = (int (*)(const char *))dlsym(RTLD_NEXT, "puts");
    if (!next) {
        fprintf(stderr, "no next puts: %s\n", dlerror());
        exit(3);
    }
    calls++;
    return next(text);
}

double cbrt(double value) {
    double (*next)(double) = (double (*)(double))dlsym(RTLD_NEXT, "cbrt");
    return next ? 100 + next(value) : -1;
}

int main(void) {
    puts("through the wrapper");
    printf("%d %.1f\n", calls, cbrt(pow(two, 3)));
    printf("%d\n", dlsym(RTLD_DEFAULT, "getppid") != 0);
    printf("%d\n", dlsym(RTLD_NEXT, "nobody_has_this") == 0 && dlerror() != 0);
    return 0;
}
