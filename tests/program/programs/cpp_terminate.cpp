// An exception that nobody catches: terminate, its handler, and death by SIGABRT with the library's message.
//#compilers: gcc clang
//#signal: SIGABRT
#include <cstdio>
#include <exception>
#include <stdexcept>

int main()
{
    auto previous = std::get_terminate();
    static std::terminate_handler kept = previous;
    std::set_terminate([] {
        std::fputs("my handler\n", stderr);
        kept();
    });
    throw std::runtime_error("nobody catches this");
}
