#include <stdio.h>
#include <windows.h>

int WINAPI WinMain(HINSTANCE self, HINSTANCE before, LPSTR line, int how) {
    printf("%d %d <%s> %d\n", self == GetModuleHandleA(0), before == 0, line, how);
    fflush(stdout);
    return 7;
}
