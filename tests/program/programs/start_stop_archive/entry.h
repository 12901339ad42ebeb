#include <stdio.h>

struct entry {
    const char *name;
    int (*value)(void);
};

#define REGISTER(id) \
    static int value_of_##id(void) { return sizeof #id; } \
    __attribute__((section("registry"), used, aligned(8))) static const struct entry entry_of_##id = {#id, value_of_##id};
