// Exceptions that pass the library's frames, or stay in them: callbacks, stream buffers, call_once, threads.
#include <algorithm>
#include <functional>
#include <future>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <streambuf>
#include <thread>
#include <vector>

struct Failing : std::streambuf {
    int overflow(int) override { throw std::runtime_error("no more room"); }
};

static void swallowed() {
    Failing buffer;
    std::ostream stream(&buffer);
    stream << "text";
    std::cout << "bad " << stream.bad() << "\n";
    stream.clear();
    stream.exceptions(std::ios::badbit);
    try {
        stream << 12345;
    } catch (const std::runtime_error &error) {
        std::cout << error.what() << "\n";
    }
}

static void sorted() {
    std::vector<int> numbers(50);
    for (int i = 0; i < 50; i++) numbers[i] = i * 7 % 50;
    int calls = 0;
    try {
        std::sort(numbers.begin(), numbers.end(), [&](int a, int b) {
            if (++calls == 60) throw calls;
            return a < b;
        });
    } catch (int number) {
        std::cout << "sort stopped after " << number << "\n";
    }
}

static void once() {
    std::once_flag flag;
    for (int i = 0; i < 4; i++)
        std::call_once(flag, [&] {
            try {
                throw std::logic_error("call " + std::to_string(i));
            } catch (const std::logic_error &error) {
                std::cout << error.what() << "\n";
            }
        });
}

static void threads() {
    std::exception_ptr kept;
    std::thread([&] {
        try {
            std::function<void()> work = [] { throw std::domain_error("of a thread"); };
            work();
        } catch (...) {
            kept = std::current_exception();
        }
    }).join();
    try {
        std::rethrow_exception(kept);
    } catch (const std::domain_error &error) {
        std::cout << error.what() << "\n";
    }
    std::packaged_task<int(int)> task([](int x) { return x > 2 ? throw x : x; });
    auto result = task.get_future();
    std::thread(std::move(task), 5).join();
    try {
        result.get();
    } catch (int number) {
        std::cout << "task threw " << number << "\n";
    }
}

int main() {
    swallowed();
    sorted();
    once();
    threads();
    return 6;
}
