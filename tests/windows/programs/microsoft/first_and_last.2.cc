#include "../microsoft.h"

struct Say {
    const char *text;
    explicit Say(const char *text) : text(text) { printf("+%s\n", text); }
    ~Say() { printf("-%s\n", text); }
};
#pragma init_seg(lib)
inline Say shared("inline");
Say b1("b1");
void late() { static Say say("late"); }
