#pragma once

struct Noisy {
    explicit Noisy(const char *name);
    ~Noisy();
    void use();
    const char *name;
    int uses = 0;
};

int constant();
extern thread_local Noisy exported;
extern thread_local int plain;
inline thread_local int inline_one = 3;
