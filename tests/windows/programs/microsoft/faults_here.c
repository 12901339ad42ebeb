// A fault in the very function that has the block: handled with -fasync-exceptions, where the compiler says so.
#include "../microsoft.h"

int volatile *volatile nowhere;
volatile int zero;

__declspec(noinline) static int reads(int how) {
    volatile int before = 3;
    __try {
        before = 4;
        if (how == 1) before = *nowhere;
        if (how == 2) before = 10 / zero;
    } __except (1) {
        return 100 + before;
    }
    return before;
}

int main(void) {
    for (int how = 0; how < 3; how++) printf("%d\n", reads(how));
    return 0;
}
