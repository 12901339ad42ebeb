// Threads that wait for one another: conditions, shared locks, promises, timeouts.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <queue>
#include <shared_mutex>
#include <thread>
#include <vector>

int main() {
    std::mutex mutex;
    std::condition_variable ready;
    std::queue<int> queue;
    long long sum = 0;
    std::thread consumer([&] {
        for (int got = 0; got < 200; got++) {
            std::unique_lock lock(mutex);
            ready.wait(lock, [&] { return !queue.empty(); });
            sum += queue.front();
            queue.pop();
        }
    });
    std::vector<std::jthread> producers;
    for (int k = 0; k < 4; k++)
        producers.emplace_back([&, k] {
            for (int i = 0; i < 50; i++) {
                { std::lock_guard lock(mutex); queue.push(k * 50 + i); }
                ready.notify_one();
            }
        });
    consumer.join();
    producers.clear();
    std::cout << "sum " << sum << "\n";

    std::shared_mutex shared;
    int value = 0;
    std::atomic<int> reads{0};
    for (int k = 0; k < 3; k++)
        producers.emplace_back([&] {
            { std::unique_lock lock(shared); value++; }
            std::shared_lock lock(shared);
            reads += value > 0;
        });
    producers.clear();
    std::cout << "reads " << reads << "\n";

    std::promise<std::string> promise;
    auto answer = promise.get_future();
    std::cout << "early " << (answer.wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout) << "\n";
    std::jthread later([&] { promise.set_value("kept"); });
    std::cout << answer.get() << "\n";

    std::mutex timed;
    std::unique_lock lock(timed);
    std::condition_variable never;
    never.wait_for(lock, std::chrono::milliseconds(10)); // its status depends on how the clock rounds
    std::cout << "waited " << lock.owns_lock() << "\n";
    return 0;
}
