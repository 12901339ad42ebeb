// What libraries that a program opens see of it, before their constructors run and after: its definitions, and its
// copies of data; those that they need and open themselves as well.
//#compilers: gcc clang
//#flags: -O1 -fno-pie | -O1 -fPIE
//#step: {cc} -shared -fPIC -o libdeep.so -x c {dir}/deep.txt -Wl,-soname,libdeep.so
//#step: {cc} -shared -fPIC -o opened.so -x c {dir}/opened.txt -x none -Wl,--no-as-needed -L. -ldeep -Wl,-rpath,{build}
//#step: {cc} -shared -fPIC -o nested.so -x c {dir}/nested.txt
//#step: {cc} -shared -fPIC -o lacks.so -x c {dir}/lacks.txt
//#step: {cc} -shared -fPIC -o libline.so -x c {dir}/line.txt
//#sources: main.c
//#link: -L{build} -Wl,--no-as-needed -lline
//#native: -rdynamic
//#uruk: -rdynamic
//#places: child wire
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

extern int counter, *of_line(void);
int answer(void) { return 4200; }
int atoi(const char *text) { return text[0] == '7' ? 7000 : -1; }
int for_opened(int number) { return number + 1; }

static void show(const char *name, void *handle) {
    int (*function)(void) = handle ? (int (*)(void))dlsym(handle, name) : NULL;
    printf("%s: %d\n", name, function ? function() : -1);
}

int main(void) {
    counter = 30;
    printf("%d %d\n", answer(), *of_line());
    void *handle = dlopen("./lacks.so", RTLD_NOW);
    printf("%d %s\n", handle != NULL, dlerror());
    printf("%d %s\n", dlopen("./nowhere.so", RTLD_NOW) != NULL, dlerror());
    printf("%d", dlopen("./opened.so", RTLD_NOW | RTLD_NOLOAD) != NULL);
    printf(" %d\n", dlerror() != NULL);
    for (int round = 0; round < 2; round++) {
        handle = dlopen("./opened.so", round ? RTLD_LAZY | RTLD_GLOBAL : RTLD_NOW);
        printf("%d\n", dlerror() != NULL);
        show("of_opened", handle);
        void *again = dlopen("./opened.so", RTLD_NOW);
        printf("%d %d %d\n", again == handle, dlclose(again), counter);
        printf("%d", dlclose(handle));
        printf(" %d\n", dlopen("./opened.so", RTLD_NOW | RTLD_NOLOAD) != NULL);
    }
    return 0;
}
