// The system's unwinder in linked frames, and vectored handlers, which see a fault before the frames do.
#include "../microsoft.h"

struct record { unsigned code, flags; struct record *next; void *address; unsigned count; size_t_ words[15]; };
struct pointers { struct record *record; void *context; };
__declspec(dllimport) void *RtlLookupFunctionEntry(size_t_ address, size_t_ *base, void *history);
__declspec(dllimport) unsigned short RtlCaptureStackBackTrace(unsigned skip, unsigned count, void **frames, unsigned *hash);
__declspec(dllimport) void *AddVectoredExceptionHandler(unsigned first, int (*handler)(struct pointers *));
__declspec(dllimport) unsigned RemoveVectoredExceptionHandler(void *handler);

static int known, calls;
__declspec(noinline) static void look(void) {
    void *frames[32];
    size_t_ base;
    int count = RtlCaptureStackBackTrace(0, 8, frames, 0);
    for (int i = 0; i < count; i++) known += RtlLookupFunctionEntry((size_t_)frames[i], &base, 0) != 0;
    printf("frames %d, known %d\n", count, known);
}

__declspec(noinline) static int deep(int n) {
    volatile int room[40];
    room[n] = n;
    if (n) deep(n - 1);
    else look();
    return room[n];
}

static int vectored(struct pointers *pointers) {
    calls++;
    return pointers->record->code == 0xE0000007 ? -1 : 0;
}

__declspec(noinline) static void fault(volatile int *place) { *place = 1; }

int main(void) {
    deep(9);
    void *handler = AddVectoredExceptionHandler(1, vectored);
    RaiseException(0xE0000007, 0, 0, 0);
    __try {
        fault(0);
    } __except (1) {
        puts("the frame's turn");
    }
    printf("%d %d\n", calls, RemoveVectoredExceptionHandler(handler) != 0);
    return 4;
}
