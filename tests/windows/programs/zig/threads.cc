// Threads, thread-locals with destructors that end with them, and exceptions that go from one thread to another.
#include <atomic>
#include <exception>
#include <future>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> alive, dead;

struct Counter {
    int n = 0;
    Counter() { alive++; }
    ~Counter() { dead++; }
};

thread_local Counter counter;
thread_local std::string text = "unset";
static std::once_flag flag;

struct AtEnd {
    const char *name;
    ~AtEnd() { std::puts(name); }
};
thread_local AtEnd of_first{"the first thread's"};
static AtEnd of_program{"the program's"};

static int work(int number) {
    counter.n += number;
    text = "thread " + std::to_string(number);
    if (number == 3) throw std::runtime_error(text);
    return counter.n;
}

int main() {
    std::atomic<int> once{0}, sum{0};
    std::vector<std::exception_ptr> thrown(5);
    std::vector<std::thread> threads;
    for (int k = 1; k <= 4; k++)
        threads.emplace_back([&, k] {
            std::call_once(flag, [&] { once++; });
            try { sum += work(k); } catch (...) { thrown[k] = std::current_exception(); }
        });
    for (auto &thread : threads) thread.join();
    std::cout << once << " " << sum << " alive " << alive << " dead " << dead << "\n";
    for (auto &pointer : thrown)
        if (pointer) {
            try { std::rethrow_exception(pointer); }
            catch (const std::runtime_error &error) { std::cout << "from a thread: " << error.what() << "\n"; }
        }
    auto failing = std::async(std::launch::async, []() -> int { try { throw 5; } catch (int) { throw; } });
    try { failing.get(); } catch (int number) { std::cout << number << "\n"; }
    std::cout << text << " " << counter.n << " " << of_first.name << std::endl;
    return 7;
}
