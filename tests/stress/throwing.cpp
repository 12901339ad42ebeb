// Four threads that throw and catch all the time, through frames of their own; start() and stop().
#include <atomic>
#include <pthread.h>

static std::atomic<bool> going;
static std::atomic<long> thrown, caught;
static pthread_t threads[4];

__attribute__((noinline)) static int deep(int depth, int value) {
    if (depth == 0)
        throw value;
    int result = deep(depth - 1, value);
    asm volatile("" : "+r"(result));
    return result + 1;
}

static void *run(void *) {
    for (int i = 1; going; i = i % 1000 + 1) {
        thrown++;
        try {
            deep(i % 4, i);
        } catch (int value) {
            caught += value == i;
        }
    }
    return nullptr;
}

extern "C" int start() {
    going = true;
    for (pthread_t &thread : threads)
        if (pthread_create(&thread, nullptr, run, nullptr))
            return 1;
    return 0;
}

// How often a thread has thrown, or -1 if one was not caught right.
extern "C" long stop() {
    going = false;
    for (pthread_t thread : threads)
        pthread_join(thread, nullptr);
    return thrown == caught ? long(thrown) : -1;
}
