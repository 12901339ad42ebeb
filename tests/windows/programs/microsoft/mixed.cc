// C++ exceptions in threads and in callbacks of the C library, which has frames of its own on the way.
#include "../microsoft.h"

extern "C" __declspec(dllimport) void qsort(void *base, size_t_ count, size_t_ size, int (*compare)(const void *, const void *));

static int calls;
static int compare(const void *a, const void *b) {
    if (++calls == 20) throw calls;
    return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

static int sorts(int limit) {
    int numbers[30];
    calls = 20 - limit;
    for (int i = 0; i < 30; i++) numbers[i] = i * 7 % 30;
    try {
        qsort(numbers, 30, sizeof *numbers, compare);
    } catch (int number) {
        return -number;
    }
    return numbers[7];
}

struct Count { int &n; ~Count() { n++; } };
static unsigned throws(void *word) {
    int left = 0;
    for (int i = 0; i < 50; i++) {
        try {
            Count count{left};
            if (i % 2) throw static_cast<char>(i);
        } catch (char) {
            left += 100;
        }
    }
    return left + *static_cast<int *>(word);
}

int main() {
    printf("%d %d\n", sorts(10), sorts(-100000));
    int word = 5;
    printf("%u %u\n", in_thread(throws, &word), throws(&word));
    return 8;
}
