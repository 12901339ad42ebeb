#include <stdio.h>
#include <windows.h>

static __thread int mine = 5;
static __thread char room[40];
__thread long long other;

static DWORD WINAPI work(void *argument) {
    mine += (int)(INT_PTR)argument;
    other = mine * 2;
    sprintf(room, "thread %d", mine);
    printf("%s %lld\n", room, other);
    return (DWORD)mine;
}

int main(void) {
    mine = 100;
    for (INT_PTR i = 1; i < 4; i++) {
        DWORD status;
        HANDLE thread = CreateThread(0, 0, work, (void *)i, 0, 0);
        WaitForSingleObject(thread, INFINITE);
        GetExitCodeThread(thread, &status);
        printf("%lu ", status);
        CloseHandle(thread);
    }
    printf("%d %lld <%s>\n", mine, other, room);
    return 0;
}
