// Exceptions: across objects, through C frames, rethrown, nested, by exception_ptr, from constructors, by catch order.
//#compilers: gcc clang
//#flags: -O0 | -O2 | -O2 -fPIC | -O1 -mcmodel=large | -O1 -fPIC -mcmodel=large | -O2 -ffunction-sections -fno-plt
//#cflags[through.c]: -fexceptions
#include "failures.h"

#include <cstdio>
#include <exception>
#include <initializer_list>

namespace {
struct Trace {
    const char *name;
    explicit Trace(const char *n) : name(n) {}
    ~Trace() { std::printf("  unwound %s\n", name); }
};

struct Member {
    Trace a{"member a"};
    Member() { fail(Kind::own, 5); }
};

void nothing_leaves() noexcept
{
    try {
        fail(Kind::number, 1);
    } catch (...) {
        std::puts("all kinds");
    }
}

int classify(Kind kind)
{
    Trace trace("classify");
    try {
        Trace inner("inner");
        fail(kind, 42);
        return 0;
    } catch (const Derived &d) {
        std::printf("derived %d\n", d.code);
        return 1;
    } catch (const Base &b) {
        std::printf("base %d %s\n", b.code, b.describe());
        return 2;
    } catch (int n) {
        std::printf("int %d\n", n);
        return 3;
    } catch (const char *text) {
        std::printf("text %s\n", text);
        return 4;
    }
}

void callback(void *data)
{
    Trace trace("callback");
    fail(*static_cast<Kind *>(data), 7);
}

void rethrow()
{
    try {
        fail(Kind::derived, 9);
    } catch (Base &b) {
        b.code++;
        throw;
    }
}
}

int main()
{
    for (Kind kind : {Kind::own, Kind::derived, Kind::number, Kind::text})
        std::printf("-> %d\n", classify(kind));
    try {
        Kind kind = Kind::number;
        through_c(callback, &kind, 3);
    } catch (int n) {
        std::printf("through C: %d\n", n);
    }
    try {
        rethrow();
    } catch (const Derived &d) {
        std::printf("rethrown %d\n", d.code);
    }
    try {
        Member member;
    } catch (const Base &b) {
        std::printf("from a constructor: %d\n", b.code);
    }
    std::exception_ptr kept;
    try {
        fail(Kind::text, 0);
    } catch (...) {
        kept = std::current_exception();
    }
    try {
        std::rethrow_exception(kept);
    } catch (const char *text) {
        std::printf("kept %s, uncaught %d\n", text, std::uncaught_exceptions());
    }
    nothing_leaves();
    std::printf("depth %d\n", deep(200));
}
