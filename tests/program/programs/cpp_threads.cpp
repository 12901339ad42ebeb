// std::thread, mutex, condition, async, future, promise, packaged_task, call_once, exceptions between threads.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#link: -lpthread
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

static std::once_flag once;
static std::atomic<int> initialised;

static int once_and(int n)
{
    std::call_once(once, [](int by) { initialised += by; }, 5);
    return n * n;
}

int main()
{
    std::vector<std::thread> threads;
    std::vector<int> results(8);
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&results, i] { results[i] = once_and(i); });
    for (auto &thread : threads)
        thread.join();
    std::printf("%d initialised %d\n", std::accumulate(results.begin(), results.end(), 0), initialised.load());

    auto sum = std::async(std::launch::async, [] { return once_and(9); });
    auto lazy = std::async(std::launch::deferred, [] { return 11; });
    auto failing = std::async(std::launch::async, []() -> int { throw std::domain_error("in a thread"); });
    std::printf("%d %d\n", sum.get(), lazy.get());
    try {
        failing.get();
    } catch (const std::domain_error &error) {
        std::printf("%s\n", error.what());
    }
    std::promise<int> promise;
    std::thread setter([&promise] { promise.set_value(13); });
    std::printf("promised %d\n", promise.get_future().get());
    setter.join();
    try {
        std::promise<int> broken;
        auto future = broken.get_future();
        { auto gone = std::move(broken); }
        future.get();
    } catch (const std::future_error &error) {
        std::printf("%s\n", error.code().message().c_str());
    }
    std::mutex lock;
    std::condition_variable ready;
    int stage = 0;
    std::thread other([&] {
        std::unique_lock hold(lock);
        ready.wait(hold, [&] { return stage == 1; });
        stage = 2;
        ready.notify_all();
    });
    {
        std::unique_lock hold(lock);
        stage = 1;
        ready.notify_all();
        ready.wait(hold, [&] { return stage == 2; });
    }
    other.join();
    int thrown = 0;
    std::once_flag retry;
    for (int i = 0; i < 3; i++)
        try {
            std::call_once(retry, [i] { if (i < 2) throw i; });
        } catch (int) {
            thrown++;
        }
    std::shared_mutex shared;
    std::shared_lock a(shared), b(shared);
    std::printf("stage %d thrown %d shared %d\n", stage, thrown, a.owns_lock() && b.owns_lock());
}
