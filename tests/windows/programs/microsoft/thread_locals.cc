// Thread-locals of two objects: constants and ones with constructors and destructors, in the first thread and others.
#include "../microsoft.h"
#include "thread_locals.h"

thread_local Log first("first");
thread_local int plain = 3;
thread_local long long large[100] = {1, 2, 3};
static thread_local Log hidden("hidden");

static unsigned work(void *word) {
    int number = static_cast<int>(reinterpret_cast<size_t_>(word));
    plain += number;
    large[99] += number;
    first.use(number);
    hidden.use(1);
    other(number);
    return plain + static_cast<unsigned>(large[1] + large[99]);
}

int main() {
    printf("%u\n", work(reinterpret_cast<void *>(1)));
    for (size_t_ number = 2; number < 5; number++) printf("%u\n", in_thread(work, reinterpret_cast<void *>(10 * number)));
    printf("%u\n", work(reinterpret_cast<void *>(2)));
    return plain;
}
