// An exception that meets noexcept calls the handler of the program, which has the exception in hand.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

void thrower(const char *text);
static void guarded() noexcept { thrower("not out of here"); }

int main() {
    std::set_terminate([] {
        try {
            std::rethrow_exception(std::current_exception());
        } catch (const std::exception &error) {
            std::printf("terminate: %s\n", error.what());
        }
        std::fflush(stdout);
        std::_Exit(21);
    });
    try {
        guarded();
    } catch (...) {
        std::puts("caught, which is wrong");
    }
}
