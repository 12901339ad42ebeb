struct entry { const char *name; int (*value)(void); };
#define REGISTER(id, n) \
    static int id(void) { return n; } \
    __attribute__((section("registry"), used)) static const struct entry entry_##id = {#id, id}
