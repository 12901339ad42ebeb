#include <stdio.h>
#include <windows.h>
static DWORD WINAPI last(void *unused) {
    Sleep(100);
    printf("last\n");
    return 12;
}
static DWORD WINAPI second(void *unused) {
    printf("second\n");
    CreateThread(0, 0, last, 0, 0, 0);
    return 5;
}
int main(void) {
    printf("first\n");
    CreateThread(0, 0, second, 0, 0, 0);
    ExitThread(3);
}
