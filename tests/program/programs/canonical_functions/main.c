// The address of a library's function is one for code with -fno-pie, other code, data, and libraries' own code and data.
//#compilers: gcc clang
//#flags: -O1 -fno-pie | -O0 -fPIE
//#sources: main.c other.c
//#cflags[other.c]: -fPIE
//#shared: libfunctions.so: functions.c
//#shared: libusers.so: users.c
//#places: child wire
#include <stdio.h>
#include <string.h>

typedef int function(int, int);
int by_value(int a, int b), product(int a, int b), called_only(int a, int b);
function *known(int which), *used(int which), *of_other(int which);
extern function *library_table[2];           // copied, with -fno-pie, and so is what it points to
extern const struct { int *number; function *function; } library_entry;
extern int library_number;
int call(function *f);
function *table[2] = {by_value, product};

int main(void)
{
    for (int i = 0; i < 2; i++) {
        function *mine = i ? product : by_value;
        printf("%d %d %d", mine == known(i), mine == used(i), mine == of_other(i));
        printf(" %d %d %d\n", mine == library_table[i], mine == table[i], mine(9, 4));
    }
    void *(*volatile copy)(void *, const void *, size_t) = memcpy; // an IFUNC of the C library
    char text[4];
    printf("%s %d\n", (char *)copy(text, "abc", 4), called_only(1, 2) + call(called_only));
    printf("%d %d\n", library_entry.number == &library_number, library_entry.function == product);
    return 0;
}
