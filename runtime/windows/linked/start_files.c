/* Variables of MinGW's start files (crt2.o, crtbegin.o) and of GNU ld's script, which libraries refer to. What these files
 * do, the session does. */

#include <stdint.h>
#include <windows.h>

/* No constructor is left to run for who walks the lists: a count of -1, and the end. */
const intptr_t __CTOR_LIST__[2] = {-1, 0}, __DTOR_LIST__[2] = {-1, 0};

char __mingw_module_is_dll = 0;

/* main() of libmingw32.a hands these to WinMain; the session calls WinMain itself. */
HINSTANCE __mingw_winmain_hInstance = 0;
char *__mingw_winmain_lpCmdLine = 0;
DWORD __mingw_winmain_nShowCmd = SW_SHOWDEFAULT;
