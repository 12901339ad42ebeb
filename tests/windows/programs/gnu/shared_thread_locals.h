#pragma once
struct Log {
    const char *name;
    int uses;
    explicit Log(const char *name);
    ~Log();
};
extern thread_local Log first, second;
extern thread_local int *where;
extern __thread int raw;
void use(int amount);
