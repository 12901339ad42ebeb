// Constructors and destructors of objects and archive members: members stand where their archive is, as pulled in.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC -ffunction-sections
//#step: ar rcs libfirst.a {build}/needs_last.o {build}/last.o {build}/direct.o
//#step: ar rcs libsecond.a {build}/from_second.o {build}/back.o
//#step: ar rcsT libthin.a thin.o
//#objects: libfirst.a main.o libfirst.a libthin.a second.o libsecond.a libfirst.a libsecond.a
#include "log.h"

LOG(main)
extern int direct, thin, second;

int main(void)
{
    printf("%d\n", direct + thin + second);
    return 0;
}
