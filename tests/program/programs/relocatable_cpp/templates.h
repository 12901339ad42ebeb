#pragma once
#include <stdexcept>
#include <string>

struct Failure : std::runtime_error {
    explicit Failure(int c) : std::runtime_error("failure " + std::to_string(c)), code(c) {}
    int code;
};

struct Counter {
    explicit Counter(const char *n);
    ~Counter();
    const char *name;
};

template <typename T> T twice(T x) { return x + x; }
template <typename T> T &unique() { static T value{}; return value; }
int other(int);
int *other_unique();
void thrower(int);
