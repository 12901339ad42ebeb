// Thread-locals that several objects use, with constructors and destructors, in threads and at the end.
#include <cstdio>
#include <mutex>
#include <thread>
#include "shared_thread_locals.h"

thread_local Log first("first");
static thread_local int plain = 3;
thread_local int *where = &plain;
std::mutex output;

static Log global("global");

int main() {
    use(1);
    std::printf("plain %d\n", ++*where);
    for (int k = 0; k < 2; k++)
        std::thread([k] {
            use(10 * (k + 1));
            std::printf("plain %d, raw %d\n", ++*where, ++raw);
        }).join();
    std::printf("plain %d, raw %d\n", *where, raw);
    return first.uses;
}
