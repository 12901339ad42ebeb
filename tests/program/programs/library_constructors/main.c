// Libraries of a line are there together: the last one's constructors run first, and one finds what is behind it.
//#compilers: gcc
//#flags: -O1 | -fno-pie
//#step: {cc} -shared -fPIC -DNAME=first -o libfirst.so -x c {dir}/part.txt
//#step: {cc} -shared -fPIC -DNAME=second -DWANTS=third -o libsecond.so -x c {dir}/part.txt
//#step: {cc} -shared -fPIC -DNAME=third -DQUIET -o libthird.so -x c {dir}/part.txt
//#step: {cc} -shared -fPIC -DNAME=fourth -DWANTS=fifth -DWEAK -o libfourth.so -x c {dir}/part.txt
//#step: {cc} -shared -fPIC -DNAME=fifth -o libfifth.so -x c {dir}/part.txt
//#step: {cc} -shared -fPIC -DNAME=sixth -DQUIET -DWANTS=nowhere -DWEAK -o libsixth.so -x c {dir}/part.txt
//#step: {cc} -shared -fPIC -DNAME=nowhere -o libidle.so -x c {dir}/part.txt
//#sources: main.c
//#link: -L{build} -Wl,--no-as-needed -lfirst -lsecond -lfourth -Wl,--as-needed -lthird -Wl,--no-as-needed -lfifth
//#link: -Wl,--as-needed -lsixth -lidle
#include <stdio.h>

int first(void), second(void), sixth(void);
extern __attribute__((weak)) int fourth(void), nowhere(void);

__attribute__((constructor)) static void begin(void) { puts("program begins"); }
__attribute__((destructor)) static void end(void) { puts("program ends"); }

int main(void) {
    printf("%d %d %d %d\n", first(), second(), fourth ? fourth() : -1, sixth());
    puts(nowhere ? "a weak reference keeps a library" : "a weak reference keeps no library");
    return 0;
}
