#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(void) {
    HMODULE kernel = GetModuleHandleA("kernel32.dll");
    DWORD(WINAPI *id)(void) = (DWORD(WINAPI *)(void))GetProcAddress(kernel, "GetCurrentProcessId");
    printf("%d %d\n", id && id() == GetCurrentProcessId(), GetProcAddress(kernel, "NoSuchFunction") == 0);
    HMODULE version = LoadLibraryA("version.dll");
    printf("%d %d\n", version != 0, GetProcAddress(version, "GetFileVersionInfoA") != 0);
    printf("%d %d\n", FreeLibrary(version), GetModuleHandleA(0) != 0);
    SetLastError(5);
    printf("%lu\n", GetLastError());
    MEMORY_BASIC_INFORMATION region;
    VirtualQuery((void *)main, &region, sizeof region);
    printf("%d\n", region.Protect == PAGE_EXECUTE_READ);
    return 0;
}
