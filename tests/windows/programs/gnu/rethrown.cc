// Exceptions on their way through the frames of two objects: thrown again, nested, replaced.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

void through(int depth, void (*end)());
int leave(int how);

struct Trace {
    const char *name;
    explicit Trace(const char *name) : name(name) {}
    ~Trace() { std::printf("leaves %s, %d in flight\n", name, std::uncaught_exceptions()); }
};

static void tell(const std::exception &error, int level = 0) {
    std::printf("%*s%s\n", 2 * level, "", error.what());
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception &inner) {
        tell(inner, level + 1);
    }
}

static void thrower() {
    Trace trace("thrower");
    throw std::out_of_range("deep down");
}

static void again() {
    try {
        thrower();
    } catch (std::out_of_range &) {
        Trace trace("again");
        throw;
    }
}

static void wrapped() {
    try {
        again();
    } catch (...) {
        std::throw_with_nested(std::runtime_error("wrapped"));
    }
}

int main() {
    for (void (*end)() : {thrower, again, wrapped}) {
        try {
            through(3, end);
        } catch (const std::exception &error) {
            tell(error);
        }
    }
    for (int how = 0; how < 4; how++)
        std::printf("left with %d\n", leave(how));
    return 11;
}
