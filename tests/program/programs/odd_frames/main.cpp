//#sources: main.cpp calls.s
//#compilers: gcc clang
// Exceptions pass functions with hand-written unwind records, whose lengths are no multiples of 4.
#include <cstdio>
#include <stdexcept>

extern "C" void call_with_48(void (*)(int), int), call_with_16(void (*)(int), int), call_with_80(void (*)(int), int);

static void raise_it(int number)
{
    if (number > 3)
        throw number;
    throw std::runtime_error("low");
}

int main()
{
    void (*const calls[])(void (*)(int), int) = {call_with_48, call_with_16, call_with_80};
    for (int number = 0; number < 9; number++) {
        try {
            calls[number % 3](raise_it, number);
        } catch (int caught) {
            std::printf("%d\n", caught);
        } catch (const std::exception &error) {
            std::printf("%s\n", error.what());
        }
    }
    return 0;
}
