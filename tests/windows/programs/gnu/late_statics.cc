// Statics of functions: made once whoever comes first, again after a failure, and destroyed in reverse.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

static std::atomic<int> made;
struct Slow {
    int number;
    explicit Slow(int number) : number(number) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        made++;
    }
};
struct End {
    const char *text;
    ~End() { std::printf("end of %s\n", text); }
};
static int tries;
struct Fails {
    Fails() { if (++tries < 3) throw std::runtime_error("not yet"); }
};

inline Slow &slow(int number) { static Slow one(number); return one; }
static End &end_a() { static End end{"a"}; return end; }
static End &end_b() { static End end{"b"}; return end; }
static void at_end() { std::puts("atexit"); }

int main() {
    std::vector<std::thread> threads;
    for (int k = 0; k < 4; k++) threads.emplace_back([k] { slow(k); });
    for (auto &thread : threads) thread.join();
    std::printf("made %d\n", made.load());
    for (int k = 0; k < 4; k++) {
        try {
            static Fails fails;
            std::printf("ready at %d\n", tries);
        } catch (const std::exception &error) {
            std::puts(error.what());
        }
    }
    end_b();
    std::atexit(at_end);
    end_a();
    std::exit(14);
}
