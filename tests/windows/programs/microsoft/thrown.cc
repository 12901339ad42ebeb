// Throwing and catching: by reference, value, pointer, base; again; nested; everything.
#include "../microsoft.h"

struct Base {
    int code;
    explicit Base(int code) : code(code) {}
    Base(const Base &other) : code(other.code) { printf("copied %d\n", code); }
    virtual ~Base() { printf("gone %d\n", code); }
    virtual const char *name() const { return "base"; }
};
struct Other { int pad = 1; virtual ~Other() {} };
struct Derived : Other, Base {
    explicit Derived(int code) : Base(code) {}
    const char *name() const override { return "derived"; }
};

[[noreturn]] static void fail(int how) {
    static Derived kept(99);
    switch (how) {
    case 0: throw 17;
    case 1: throw Base(1);
    case 2: throw Derived(2);
    case 3: throw static_cast<Base *>(&kept);
    case 4: throw "text";
    case 5: throw 2.5;
    default: throw static_cast<unsigned char>(how);
    }
}

static int catches(int how) {
    try {
        fail(how);
    } catch (int number) {
        return number;
    } catch (const Base &base) {
        puts(base.name());
        return base.code;
    } catch (const Base *base) {
        puts(base->name());
        return base->code;
    } catch (const char *text) {
        puts(text);
        return 4;
    } catch (...) {
        return -how;
    }
}

static int by_value() {
    try {
        fail(2);
    } catch (Base base) {
        puts(base.name());
        return base.code;
    }
}

static int again() {
    try {
        try {
            fail(2);
        } catch (Base &base) {
            base.code = 50;
            throw;
        }
    } catch (Derived &derived) {
        return derived.code;
    }
}

static int nested() {
    int sum = 0;
    try {
        fail(0);
    } catch (int outer) {
        try {
            fail(5);
        } catch (double inner) {
            sum = outer + static_cast<int>(inner * 2);
        }
        try {
            throw;
        } catch (int same) {
            sum += same;
        }
    }
    return sum;
}

int main() {
    for (int how = 0; how < 7; how++) printf("%d\n", catches(how));
    printf("%d\n", by_value());
    printf("%d\n", again());
    printf("%d\n", nested());
    return 12;
}
