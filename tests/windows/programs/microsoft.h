/* What programs of Microsoft's kind here call; there is no SDK with headers. */
#pragma once

typedef unsigned long long size_t_;

#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) int printf(const char *format, ...);
__declspec(dllimport) int puts(const char *text);
__declspec(dllimport) int strcmp(const char *a, const char *b);
__declspec(dllimport) unsigned char *getenv(const char *name);
__declspec(dllimport) __declspec(noreturn) void exit(int status);
int atexit(void (*run)(void));
__declspec(dllimport) void RaiseException(unsigned code, unsigned flags, unsigned count, const size_t_ *words);
__declspec(dllimport) void *CreateThread(void *security, size_t_ size, unsigned (*start)(void *), void *word, unsigned flags, unsigned *id);
__declspec(dllimport) unsigned WaitForSingleObject(void *object, unsigned milliseconds);
__declspec(dllimport) int GetExitCodeThread(void *thread, unsigned *status);
__declspec(dllimport) void Sleep(unsigned milliseconds);
#ifdef __cplusplus
}
#endif

static inline unsigned in_thread(unsigned (*start)(void *), void *word) {
    unsigned status = 0;
    void *thread = CreateThread(0, 0, start, word, 0, 0);
    WaitForSingleObject(thread, 10000);
    GetExitCodeThread(thread, &status);
    return status;
}
