// Statics of functions: made by the first thread that comes, again after a failure, destroyed in reverse.
#include "../microsoft.h"

static volatile long made;
struct Slow {
    int id;
    explicit Slow(int id) : id(id) { Sleep(50); made++; }
};
static int slow() { static Slow one(5); return one.id; }
static unsigned use(void *) { return slow(); }

struct End {
    const char *text;
    explicit End(const char *text) : text(text) { printf("begin of %s\n", text); }
    ~End() { printf("end of %s\n", text); }
};
template <int N> End &end() { static End one(N == 1 ? "one" : N == 2 ? "two" : "three"); return one; }
inline int &counter() { static int count = made + 40; return count; }

static int tries;
struct Fails { Fails() { if (++tries < 3) throw tries; } };
static int failing() {
    try {
        static Fails fails;
        return 100 + tries;
    } catch (int n) {
        return n;
    }
}

int main() {
    void *threads[4];
    for (auto &thread : threads) thread = CreateThread(0, 0, use, 0, 0, 0);
    for (auto thread : threads) WaitForSingleObject(thread, 10000);
    printf("made %d\n", static_cast<int>(made));
    for (int i = 0; i < 4; i++) printf("%d\n", failing());
    end<2>();
    end<1>();
    end<2>();
    counter()++;
    counter()++;
    end<3>();
    return counter();
}
