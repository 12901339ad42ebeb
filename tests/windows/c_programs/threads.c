#include <process.h>
#include <stdio.h>
#include <windows.h>
static CRITICAL_SECTION lock; static int sum;
static unsigned __stdcall work(void *argument) {
    for (int i = 0; i < 1000; i++) {
        EnterCriticalSection(&lock); sum += (int)(INT_PTR)argument; LeaveCriticalSection(&lock);
    }
    return 7;
}
int main(void) {
    HANDLE threads[4]; DWORD status;
    InitializeCriticalSection(&lock);
    for (INT_PTR i = 0; i < 4; i++) threads[i] = (HANDLE)_beginthreadex(0, 0, work, (void *)(i + 1), 0, 0);
    WaitForMultipleObjects(4, threads, TRUE, INFINITE);
    GetExitCodeThread(threads[2], &status);
    printf("%d %lu\n", sum, status);
    return sum == 10000 ? 0 : 1;
}
