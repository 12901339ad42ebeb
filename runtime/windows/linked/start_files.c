/* Variables of MinGW's start files (crt2.o, crtbegin.o), which libraries refer to. What these files do, the session does. */

#include <windows.h>

char __mingw_module_is_dll = 0;

/* main() of libmingw32.a hands these to WinMain; the session calls WinMain itself. */
HINSTANCE __mingw_winmain_hInstance = 0;
char *__mingw_winmain_lpCmdLine = 0;
DWORD __mingw_winmain_nShowCmd = SW_SHOWDEFAULT;
