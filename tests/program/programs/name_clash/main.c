// Names that the interpreter or its libraries export, defined by the program and by an archive: the program's win.
//#compilers: gcc clang
//#archive: libclash.a: clash.c
//#flags: -O1 | -O1 -fPIC
#include <stdio.h>

int inflate(int x);
int crc32(int x);
const char *zlibVersion(void);
int Py_IsInitialized(void);
int XML_ParserCreate(int x) { return x + 1; }
int PyErr_Occurred = 77;

int main(void)
{
    printf("%d %d %s %d %d %d\n", inflate(3), crc32(4), zlibVersion(), Py_IsInitialized(), XML_ParserCreate(1),
           PyErr_Occurred);
    return 0;
}
