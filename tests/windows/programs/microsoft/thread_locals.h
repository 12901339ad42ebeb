#pragma once
struct Log {
    const char *name;
    int used = 0;
    explicit Log(const char *name);
    ~Log();
    void use(int amount) { used += amount; }
};
extern thread_local Log first;
extern thread_local int plain;
void other(int amount);
