// Libraries in the order of the line: one needs another by a soname that is found nowhere else; one that wants a name of
// the program comes before others with names of its own all the same. One stands on the line twice, as -lm does in many.
//#compilers: gcc
//#flags: -O1 | -fPIC | -fno-pie
//#step: {cc} -shared -fPIC -o libsecond.so -x c {dir}/second.txt -Wl,-soname,libsecond.so
//#step: {cc} -shared -fPIC -o libfirst.so -x c {dir}/first.txt -x none -L. -lsecond -Wl,-soname,libfirst.so
//#step: {cc} -shared -fPIC -o libwants.so -x c {dir}/wants.txt
//#sources: main.c
//#places: child wire
//#link: -L{build} -Wl,--no-as-needed -lm -lwants -lfirst -lsecond -lm
#include <stdio.h>

int of_first(void), of_second(void), of_wants(void), both(void), all(void);
int of_program(void) { return 7; }

int main(void) {
    printf("%d %d %d\n", of_first(), of_second(), of_wants());
    printf("%d %d\n", both(), all());
    return 0;
}
