// Thread-local destructors are counted by module, finish before their count falls, and can be run early.
#include <atomic>
#include <cstdio>
#include <thread>

extern "C" {
int __cxa_thread_atexit(void (*)(void *), void *, void *);
int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
long uruk_rt_pending_thread_atexit(void *);
long uruk_rt_run_thread_atexit(void *);
extern void *__dso_handle;
}

static int a, b;
static std::atomic<int> step;

static void note(void *text)
{
    std::printf("%s (a: %ld)\n", (const char *)text, uruk_rt_pending_thread_atexit(&a));
}

static void again(void *text)
{
    note(text);
    __cxa_thread_atexit(note, (void *)"registered by a destructor", &a);
}

struct Loud {
    ~Loud() { std::printf("C++ thread_local of %ld pending\n", uruk_rt_pending_thread_atexit(&__dso_handle)); }
};
thread_local Loud loud;

static void reach(int n)
{
    step = n;
    while (step == n)
        std::this_thread::yield();
}

int main()
{
    std::thread other([] {
        __cxa_thread_atexit(note, (void *)"other 1", &a);
        __cxa_thread_atexit_impl(again, (void *)"other 2", &a);
        __cxa_thread_atexit(note, (void *)"other 3 of b", &b);
        reach(1);
    });
    while (step != 1)
        std::this_thread::yield();
    __cxa_thread_atexit(note, (void *)"main 1", &a);
    __cxa_thread_atexit(again, (void *)"main 2", &a);
    __cxa_thread_atexit(note, (void *)"main 3 of b", &b);
    (void)&loud;
    std::printf("pending %ld %ld\n", uruk_rt_pending_thread_atexit(&a), uruk_rt_pending_thread_atexit(&b));
    std::printf("still pending %ld\n", uruk_rt_run_thread_atexit(&a));
    std::fflush(stdout);
    step = 2;
    other.join();
    std::printf("pending %ld %ld\n", uruk_rt_pending_thread_atexit(&a), uruk_rt_pending_thread_atexit(&b));
    for (int i = 0; i < 300; i++)
        std::thread([] { __cxa_thread_atexit([](void *) {}, nullptr, &a); }).join();
    std::thread many[8];
    for (auto &t : many)
        t = std::thread([] {
            for (int i = 0; i < 1000; i++)
                __cxa_thread_atexit([](void *) {}, nullptr, &a);
        });
    for (auto &t : many)
        t.join();
    std::printf("pending %ld %ld\n", uruk_rt_pending_thread_atexit(&a), uruk_rt_pending_thread_atexit(&b));
    std::thread([] { (void)&loud; }).join();
    return 0;
}
