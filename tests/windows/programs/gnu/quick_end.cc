// An end in the middle of things: no destructors on the stack, handlers of the C library only.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

struct Loud { const char *text; ~Loud() { std::printf("end of %s\n", text); } };
static Loud global{"global"};
static void handler() { std::puts("handler"); }

static void leave() {
    Loud local{"local"};
    try {
        throw std::runtime_error("in hand");
    } catch (...) {
        std::exit(33);
    }
}

int main() {
    std::atexit(handler);
    Loud on_stack{"stack"};
    leave();
}
