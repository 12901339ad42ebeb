// std::call_once over the runtime's own variables.
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <thread>

static std::once_flag flag, failing;
static int calls;

int main()
{
    std::thread threads[8];
    for (auto &t : threads)
        t = std::thread([] { std::call_once(flag, [](int n) { calls += n; }, 5); });
    for (auto &t : threads)
        t.join();
    int nested = 0;
    std::once_flag outer, inner;
    std::call_once(outer, [&] { std::call_once(inner, [&] { nested = 3; }); });
    std::printf("%d %d\n", calls, nested);
    return 0;
}
