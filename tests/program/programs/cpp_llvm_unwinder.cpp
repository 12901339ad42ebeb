// Exceptions with LLVM's C++ library and unwinder, which asks the dynamic loader for frames and has no registrations.
//#compilers: clang
//#flags: -stdlib=libc++ | -stdlib=libc++ -O2 -fPIC
//#link: -Wl,-rpath,{lib} {lib}/libc++.so.1 {lib}/libc++abi.so.1 {lib}/libunwind.so.1
//#exit: 3
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

struct Guard {
    int number;
    ~Guard() { std::printf("guard %d\n", number); }
};

__attribute__((noinline)) static int deep(int depth) {
    Guard guard{depth};
    if (depth == 0)
        throw std::runtime_error("deep");
    return deep(depth - 1) + 1;
}

static int caught(int value) {
    try {
        if (value > 2)
            throw std::to_string(value);
        throw value;
    } catch (const std::string &text) {
        return 100 + int(text.size());
    } catch (int number) {
        return number;
    }
}

int main() {
    try {
        deep(3);
    } catch (const std::exception &error) {
        std::printf("caught %s\n", error.what());
    }
    int in_thread = 0;
    std::thread([&] { in_thread = caught(2) + caught(30); }).join();
    std::printf("%d %d\n", caught(1), in_thread);
    try {
        std::string().at(3);
    } catch (const std::out_of_range &) {
        std::puts("out of range");
    }
    return 3;
}
