// A program that opens plugins which use its functions, classes and data, and finds its own names by dlsym.
//#sources: main.cpp
//#step: {cxx} -shared -fPIC -o plugin.so {dir}/plugin.cpp
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#link: -ldl
//#native: -rdynamic
//#uruk: -rdynamic
//#places: child wire
#include "plugin.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>
#include <string>

int registered;
void register_plugin(Plugin *one)
{
    registered++;
    std::printf("registered %s\n", one->name().c_str());
}
Plugin::~Plugin() { std::printf("plugin gone\n"); }
std::string Plugin::name() const { return "nameless"; }
extern "C" int host_add(int a, int b) { return a + b + registered; }
extern "C" const char host_version[] = "host 1.2";

int main()
{
    void *plugin = dlopen("./plugin.so", RTLD_NOW);
    if (!plugin) {
        std::printf("%s\n", dlerror());
        return 1;
    }
    auto make = reinterpret_cast<Plugin *(*)()>(dlsym(plugin, "make"));
    Plugin *one = make();
    std::printf("%d %s\n", one->run(5), one->name().c_str());
    try {
        one->run(-1);
    } catch (const std::exception &error) {
        std::printf("caught %s\n", error.what());
    }
    try {
        one->run(-2);
    } catch (const HostError &error) {
        std::printf("caught %d\n", error.code);
    }
    std::printf("%d\n", dynamic_cast<Plugin *>(one) == one);
    delete one;
    void *self = dlopen(nullptr, RTLD_NOW);
    auto add = reinterpret_cast<int (*)(int, int)>(dlsym(self, "host_add"));
    std::printf("%d %s\n", add(1, 2), static_cast<const char *>(dlsym(RTLD_DEFAULT, "host_version")));
    std::printf("%d\n", dlsym(RTLD_DEFAULT, "host_nothing") == nullptr);
    return dlclose(plugin);
}
