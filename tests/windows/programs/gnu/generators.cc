// Coroutines: their frames are on the heap, and exceptions leave them like functions.
#include <coroutine>
#include <exception>
#include <iostream>
#include <stdexcept>

struct Generator {
    struct promise_type {
        int value = 0;
        std::exception_ptr error;
        Generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int number) { value = number; return {}; }
        void return_void() {}
        void unhandled_exception() { error = std::current_exception(); }
    };
    std::coroutine_handle<promise_type> handle;
    ~Generator() { handle.destroy(); }
    bool next() {
        handle.resume();
        if (handle.promise().error) std::rethrow_exception(handle.promise().error);
        return !handle.done();
    }
};

struct Guard { ~Guard() { std::cout << "frame gone\n"; } };

static Generator squares(int end) {
    Guard guard;
    for (int i = 1;; i++) {
        if (i > end) throw std::length_error("past " + std::to_string(end));
        co_yield i * i;
    }
}

int main() {
    int sum = 0;
    {
        Generator numbers = squares(100);
        for (int i = 0; i < 5 && numbers.next(); i++) sum += numbers.handle.promise().value;
    }
    try {
        Generator numbers = squares(3);
        while (numbers.next()) sum += numbers.handle.promise().value;
    } catch (const std::length_error &error) {
        std::cout << error.what() << "\n";
    }
    std::cout << sum << "\n";
    return sum == 69 ? 0 : 1;
}
