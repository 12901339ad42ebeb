/* Values of threads, as libgcc.a of gcc's win32 thread model keeps them: destructors run where a thread ends. */
#include <windows.h>
#include <stdio.h>

int __mingwthr_key_dtor(unsigned long key, void (*run)(void *));
int __mingwthr_remove_key_dtor(unsigned long key);

static DWORD keys[3];

static void first(void *value) { printf("first %d\n", *(int *)value); }
static void second(void *value) { printf("second %d %lu\n", *(int *)value, GetLastError()); }
static void never(void *value) { printf("never %d\n", *(int *)value); }

static DWORD WINAPI work(void *value)
{
    for (int at = 0; at < 3; at++)
        TlsSetValue(keys[at], value);
    return 0;
}

static void run(int value)
{
    HANDLE thread = CreateThread(0, 0, work, &value, 0, 0);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

int main(void)
{
    void (*destructors[])(void *) = {first, never, second};
    for (int at = 0; at < 3; at++) {
        keys[at] = TlsAlloc();
        printf("%d\n", __mingwthr_key_dtor(keys[at], destructors[at]));
    }
    printf("%d\n", __mingwthr_remove_key_dtor(keys[1]));
    run(7);
    run(8);
    printf("%d\n", __mingwthr_remove_key_dtor(keys[0]));
    run(9);
    printf("%d\n", __mingwthr_key_dtor(keys[0], second));
    run(10);
    static int last = 11;
    work(&last);
    fflush(stdout);
    return 3;
}
