// What the line's libraries and archives define comes before what an earlier library needs: here names of the C library,
// which libfirst.so needs as every library does, and to which it refers itself.
//#compilers: gcc
//#flags: -O1 | -O1 -fno-pie
//#step: {cc} -shared -fPIC -o libfirst.so -x c {dir}/first.txt
//#step: {cc} -shared -fPIC -o libsecond.so -x c {dir}/second.txt
//#step: {cc} -c -o member.o -x c {dir}/member.txt
//#step: ar rcs libmember.a member.o
//#places: child wire
//#link: -L{build} -Wl,--no-as-needed -lfirst -lmember -lsecond
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int first(void), parent(void);

int main(void)
{
    printf("%d %d %d %d %d\n", first(), parent(), (int)getppid(), (int)random(), abs(-3));
    return 0;
}
