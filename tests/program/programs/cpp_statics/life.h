#pragma once
#include <cstdio>
#include <cstdlib>

struct Life {
    const char *name;
    explicit Life(const char *n) : name(n) { std::printf("+ %s\n", name); }
    ~Life() { std::printf("- %s\n", name); }
    void touch() const;
};

int touches();
Life &late_static();
