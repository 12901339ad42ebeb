// dlopen and dlsym from linked code, a library's exception caught here, its destructors at dlclose; dladdr of libc.
//#compilers: gcc
//#step: {cxx} -shared -fPIC -o late.so {dir}/late.cpp
//#sources: main.cpp
//#link: -ldl
#include <cstdio>
#include <dlfcn.h>
#include <stdexcept>

int main()
{
    void *library = dlopen("./late.so", RTLD_NOW);
    if (!library) {
        std::printf("%s\n", dlerror());
        return 1;
    }
    auto run = reinterpret_cast<int (*)(int)>(dlsym(library, "run"));
    std::printf("run %d\n", run(4));
    try {
        run(-1);
    } catch (const std::out_of_range &error) {
        std::printf("caught %s\n", error.what());
    }
    std::printf("missing: %d\n", dlsym(library, "missing") == nullptr);
    dlclose(library);
    std::puts("closed");
}
