// The system's unwinder in linked frames: lookups, a walk by hand, longjmp, and frames that C++ unwinds meanwhile.
#include <csetjmp>
#include <cstdio>
#include <stdexcept>
#include <windows.h>

static int frames_up(void) {
    CONTEXT context;
    RtlCaptureContext(&context);
    int frames = 0, known = 0;
    while (context.Rip && frames < 6) {
        DWORD64 base, establisher;
        void *handler_data;
        auto *function = RtlLookupFunctionEntry(context.Rip, &base, nullptr);
        if (!function) break;
        known += context.Rip >= base + function->BeginAddress && context.Rip < base + function->EndAddress;
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context.Rip, function, &context, &handler_data, &establisher, nullptr);
        frames++;
    }
    return 100 * frames + known;
}

__attribute__((noinline)) static int deep(int n) {
    volatile char room[200] = {};
    room[n] = 1;
    int result = n ? deep(n - 1) : frames_up();
    return result + room[0] - room[0];
}

static std::jmp_buf place;

__attribute__((noinline)) static void jumps(int n) {
    volatile int kept = n;
    if (n == 0) std::longjmp(place, 77);
    jumps(n - 1);
    std::printf("not reached %d\n", kept);
}

__attribute__((noinline)) static int throws(int n) {
    struct Count {
        int &count;
        ~Count() { count++; }
    };
    static int left;
    if (n == 0) throw std::runtime_error("bottom");
    Count count{left};
    try {
        return throws(n - 1);
    } catch (const std::logic_error &) {
        return -1;
    } catch (const std::runtime_error &) {
        if (n < 8) throw;
        return left;
    }
}

int main() {
    std::printf("walked %d\n", deep(10));
    int again = setjmp(place);
    if (!again) jumps(12);
    std::printf("jumped %d\n", again);
    std::printf("unwound %d\n", throws(8));
    DWORD64 base = 0;
    auto *function = RtlLookupFunctionEntry((DWORD64)(void *)&deep + 20, &base, nullptr);
    std::printf("entry %d\n", function && base + function->BeginAddress == (DWORD64)(void *)&deep);
    return 2;
}
