// A program does not replace what a library's references mean as its own: protected symbols, and all with -Bsymbolic.
//#compilers: gcc
//#flags: -O1 | -O1 -fPIC
//#sources: main.c
//#places: child wire
//#shared: libprotected.so: protected.c
//#step: {cc} -shared -fPIC -Wl,-Bsymbolic -o libsymbolic.so {dir}/symbolic.c
//#link: -L{build} -lsymbolic
#include <stdio.h>

int chosen(void) { return 20; }
int plain(void) { return 20; }
int data = 20;
int other(void) { return 20; }
int symbolic_chosen(void) { return 20; }
int symbolic_plain(void) { return 20; }

typedef int function(void);
function *address_of_chosen(void), *address_of_plain(void), *address_of_other(void);
int *address_of_data(void);
extern function *table[3], *symbolic_table[2];

int main(void)
{
    printf("%d %d %d\n", address_of_chosen()(), address_of_plain()(), *address_of_data());
    printf("%d %d %d\n", table[0](), table[1](), table[2]());
    printf("%d %d\n", symbolic_table[0](), symbolic_table[1]());
    printf("%d %d %d %d\n", chosen(), plain(), data, other());
    return 0;
}
