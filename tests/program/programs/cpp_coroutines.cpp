// Coroutines: a generator, one that ends by an exception, destruction before the end.
//#compilers: gcc clang
//#flags: -O0 | -O2
//#cflags: -std=c++20
#include <coroutine>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

struct Generator {
    struct promise_type {
        int value = 0;
        std::exception_ptr failure;
        Generator get_return_object() { return Generator{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int v) { value = v; return {}; }
        void return_void() {}
        void unhandled_exception() { failure = std::current_exception(); }
    };
    explicit Generator(std::coroutine_handle<promise_type> h) : handle(h) {}
    Generator(Generator &&other) noexcept : handle(std::exchange(other.handle, {})) {}
    ~Generator() { if (handle) handle.destroy(); }
    bool next()
    {
        handle.resume();
        if (handle.promise().failure)
            std::rethrow_exception(handle.promise().failure);
        return !handle.done();
    }
    int value() const { return handle.promise().value; }
    std::coroutine_handle<promise_type> handle;
};

struct Trace { ~Trace() { std::puts("frame destroyed"); } };

static Generator fibonacci(int limit)
{
    Trace trace;
    for (int a = 0, b = 1; ; b = std::exchange(a, b) + b) {
        if (a > limit)
            throw std::overflow_error("past the limit");
        co_yield a;
    }
}

int main()
{
    {
        auto numbers = fibonacci(1000);
        for (int i = 0; i < 8 && numbers.next(); i++)
            std::printf("%d ", numbers.value());
        std::puts("");
    }
    auto numbers = fibonacci(20);
    try {
        while (numbers.next())
            std::printf("%d ", numbers.value());
    } catch (const std::exception &error) {
        std::printf("%s\n", error.what());
    }
}
