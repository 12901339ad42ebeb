// The order of initialisers over two objects, of segments, and what runs at the end.
#include "../microsoft.h"

struct Say {
    const char *text;
    explicit Say(const char *text) : text(text) { printf("+%s\n", text); }
    ~Say() { printf("-%s\n", text); }
};
void late();
Say a1("a1");
inline Say shared("inline");
template <class T> struct Holder { static Say say; };
template <class T> Say Holder<T>::say("of a template");
template struct Holder<int>;
static void at_end() { puts("atexit"); }
static int early() { puts("by hand"); return 0; }
extern "C" {
#pragma section(".CRT$XIU", read)
__declspec(allocate(".CRT$XIU")) int (*const by_hand)() = early;
}
Say a2("a2");

int main() {
    atexit(at_end);
    late();
    puts("main");
    return 0;
}
