// A library that wants functions and data of the program, one of them from an archive's member that nothing else needs.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#shared: libwants.so: wants.c
//#archive: libgiven.a: given.c
//#native: libgiven.a
//#places: child wire
#include <stdio.h>

int program_value = 40;
int program_function(int x) { return x + program_value; }
__attribute__((weak)) int program_weak(void) { return 3; }
int library_asks(int x);
int (*library_pointer(void))(int);

int main(void)
{
    printf("%d\n", library_asks(1));
    program_value = 50;
    printf("%d %d\n", library_asks(2), library_pointer() == program_function);
    return 0;
}
