// Filters that look at the exception and its context, and resume where it was.
#include "../microsoft.h"

struct record { unsigned code, flags; struct record *next; void *address; unsigned count; size_t_ words[15]; };
struct pointers { struct record *record; void *context; };
void *__cdecl _exception_info(void);

static int seen;
static int filter(struct pointers *pointers, int level) {
    printf("filter %d: %x, %u words, first %d\n", level, pointers->record->code, pointers->record->count,
           pointers->record->count ? (int)pointers->record->words[0] : -1);
    seen++;
    if (pointers->record->code == 0xE0000001) return -1;
    return pointers->record->code == 0xE0000000 + level;
}

__declspec(noinline) static int raises(unsigned code, size_t_ word) {
    RaiseException(code, 0, 1, &word);
    return 7;
}

__declspec(noinline) static int level2(unsigned code) {
    int result = 1;
    __try {
        result = raises(code, code & 15);
    } __except (filter(_exception_info(), 2)) {
        result = 20;
    }
    return result;
}

__declspec(noinline) static int level3(unsigned code) {
    int result = 1;
    __try {
        result = level2(code);
    } __except (filter(_exception_info(), 3)) {
        result = 30;
    }
    return result;
}

int main(void) {
    for (unsigned code = 0xE0000001; code < 0xE0000004; code++) printf("%d\n", level3(code));
    return seen;
}
