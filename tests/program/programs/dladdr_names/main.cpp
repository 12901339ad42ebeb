// dladdr and backtrace_symbols name functions, methods, templates and data that the program shows, and no others.
//#compilers: gcc clang
//#flags: -O1 -fPIE | -O2 -fPIC | -O0 -fno-pie
//#native: -rdynamic
//#link: -ldl
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <execinfo.h>

struct Shape {
    virtual ~Shape() = default;
    __attribute__((noinline)) virtual int area(int side) const;
    int sides = 4;
};

extern "C" {
extern int table[4], zeroed[100];
extern const char message[];
int of_c(int x);
int defined_twice(void);
int of_assembly(void);
__attribute__((visibility("protected"), noinline)) int of_the_program(int x) { return x + 1; }
__attribute__((visibility("hidden"), noinline)) int hidden(int x) { return x + 2; }
__attribute__((weak, noinline)) int defined_twice(void) { return 1; }
}

static int local_data[30] = {1};
static thread_local int per_thread = 3;
__attribute__((noinline)) static int local(int x) { return x * 3; }
template <class T> __attribute__((noinline)) T larger(T a, T b) { return a < b ? b : a; }
int Shape::area(int side) const { return side * side; }

static void ask(const char *what, const void *address, long offset = 0)
{
    Dl_info info = {};
    int known = dladdr((const char *)address + offset, &info);
    std::printf("%-14s %d %s %ld\n", what, known != 0, info.dli_sname ? info.dli_sname : "(null)",
                info.dli_saddr ? (long)((const char *)address - (const char *)info.dli_saddr) : -1);
}

/* The names of the innermost frames; where they lie and in which file is the linker's affair. */
extern "C" __attribute__((noinline)) int inner(int depth)
{
    void *frames[20];
    int count = backtrace(frames, 20);
    char **names = backtrace_symbols(frames, count);
    for (int i = 0; i < count && i < 3; i++) {
        char *start = std::strchr(names[i], '('), *end = start ? std::strpbrk(start, "+)") : nullptr;
        std::printf("frame %d: %.*s\n", i, end ? (int)(end - start - 1) : 6, end ? start + 1 : "(none)");
    }
    std::free(names);
    return count > depth;
}

extern "C" __attribute__((noinline)) int outer(int depth) { return inner(depth + 1) + 1; }

int main(int argc, char **)
{
    int (Shape::*method)(int) const = &Shape::area;
    Shape shape;
    ask("function", (void *)of_the_program);
    ask("inside it", (void *)of_the_program, 1);
    ask("of C", (void *)of_c);
    ask("of assembly", (void *)of_assembly);
    ask("strong", (void *)defined_twice);
    ask("template", (void *)&larger<long>);
    ask("virtual table", *(void **)&shape);
    ask("data", table);
    ask("inside it", table, 15);
    ask("zeroed", zeroed, 399);
    ask("constant", message, 3);
    ask("static", local_data, 4);
    ask("static", (void *)local);
    ask("hidden", (void *)hidden);
    std::printf("%d %d\n", (shape.*method)(argc), per_thread + local(argc) + hidden(argc));
    return outer(0) != 2;
}
