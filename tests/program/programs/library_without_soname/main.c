// A library without a soname that was found by -l is known by its file's name: a plug-in that needs that finds it.
//#compilers: gcc
//#flags: -O1
//#step: {cc} -shared -fPIC -o libplain.so -x c {dir}/plain.txt
//#step: {cc} -shared -fPIC -o plugin.so -x c {dir}/plugin.txt -x none -L. -lplain
//#step: {cc} -shared -fPIC -Wl,-soname,libnamed.so -o libnamed.so -x c {dir}/named.txt
//#sources: main.c
//#link: -L{build} -Wl,--no-as-needed -lnamed -lplain
#include <dlfcn.h>
#include <stdio.h>

int plain(void), named(void);

int main(void) {
    printf("%d %d\n", plain(), named());
    void *plugin = dlopen("./plugin.so", RTLD_NOW);
    if (!plugin)
        return !!puts(dlerror());
    int (*of_plugin)(void) = (int (*)(void))dlsym(plugin, "of_plugin");
    printf("%d %d\n", of_plugin(), plain());
    printf("%d\n", dlopen("libplain.so", RTLD_NOW | RTLD_NOLOAD) != NULL);
    return 0;
}
