// Vectored handlers see what is raised in linked code, first of all, and may go on elsewhere; C++ is none of theirs.
#include <cstdio>
#include <stdexcept>
#include <windows.h>

static int seen, cxx;
static volatile int good = 5, *pointer;

static LONG CALLBACK handler(EXCEPTION_POINTERS *info) {
    DWORD code = info->ExceptionRecord->ExceptionCode;
    if (code == 0x20474343) cxx++;
    if (code == 0xe0000001) {
        seen++;
        return EXCEPTION_CONTINUE_EXECUTION;
    }
    if (code == EXCEPTION_ACCESS_VIOLATION) {
        std::printf("address %d, write %d\n", (int)info->ExceptionRecord->ExceptionInformation[1],
                    (int)info->ExceptionRecord->ExceptionInformation[0]);
        info->ContextRecord->Rax = (DWORD64)&good;
        return EXCEPTION_CONTINUE_EXECUTION;
    }
    return EXCEPTION_CONTINUE_SEARCH;
}

__attribute__((noinline)) static int load() {
    int value;
    __asm__ volatile("movl (%1), %0" : "=r"(value) : "a"(pointer));
    return value;
}

static DWORD WINAPI in_thread(void *) {
    RaiseException(0xe0000001, 0, 0, nullptr);
    return load();
}

int main() {
    void *registration = AddVectoredExceptionHandler(1, handler);
    std::printf("loaded %d\n", load());
    RaiseException(0xe0000001, 0, 0, nullptr);
    try {
        throw std::runtime_error("passes the handler");
    } catch (const std::exception &error) {
        std::printf("%s, seen %d\n", error.what(), cxx > 0);
    }
    HANDLE thread = CreateThread(nullptr, 0, in_thread, nullptr, 0, nullptr);
    DWORD status;
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &status);
    std::printf("raised %d, thread %lu\n", seen, status);
    return (int)RemoveVectoredExceptionHandler(registration);
}
