// Sections called .gnu.linkonce.*: of one name the first stays, with its symbols; references of dropped unwind data go.
//#sources: main.c first.s second.s
//#arch: x86_64
#include <stdio.h>

int from_first(void), from_second(void);
extern const int *data_of_first, *data_of_second;

int main(void)
{
    printf("%d %d %d %d\n", from_first(), from_second(), *data_of_first, data_of_first == data_of_second);
    return 0;
}
