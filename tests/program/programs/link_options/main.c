// What a link line tells a linker of names, archives and directories: wrapped and defined names, an archive taken
// whole, and a library that the program opens by the run path of its own place.
//#compilers: gcc clang
//#flags: @pic
//#archive: libwhole.a: whole.c
//#step: {cc} -shared -fPIC -o opened.so {dir}/opened.c
//#objects: main.o value.o
//#sources: main.c value.c
//#link: -Wl,--wrap=value -Wl,--defsym=old_name=new_name -Wl,--whole-archive libwhole.a -Wl,--no-whole-archive
//#link: -Wl,-rpath,$ORIGIN -ldl
#include <dlfcn.h>
#include <stdio.h>

int value(void), __real_value(void), old_name(void);
int __wrap_value(void) { return __real_value() + 10; }
int new_name(void) { return 100; }

int main(void) {
    printf("%d %d\n", value(), old_name());
    void *library = dlopen("opened.so", RTLD_NOW);
    int (*opened)(void) = library ? (int (*)(void))dlsym(library, "opened") : 0;
    printf("%d\n", opened ? opened() : -1);
    return 0;
}
