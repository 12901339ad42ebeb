// The same in this process, where libraries get no names of the program: one needs another by its soname.
//#step: {cc} -shared -fPIC -o libsecond.so -x c {dir}/../library_order/second.txt -Wl,-soname,libsecond.so
//#step: {cc} -shared -fPIC -o libfirst.so -x c {dir}/../library_order/first.txt -x none -L. -lsecond -Wl,-soname,libfirst.so
//#sources: main.c
//#places: here
//#link: -L{build} -Wl,--no-as-needed -lfirst -lsecond
#include <stdio.h>

int of_first(void), of_second(void), both(void), all(void);

int main(void) {
    printf("%d %d %d %d\n", of_first(), of_second(), both(), all());
    return 0;
}
