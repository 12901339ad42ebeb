#include <setjmp.h>
#include <stdio.h>
static jmp_buf place;
static void __attribute__((noinline)) down(int n) { char room[100]; sprintf(room, "%d", n);
    if (n == 0) longjmp(place, 9); down(n - 1); puts(room); }
int main(void) { volatile int before = 5; int got = setjmp(place);
    if (!got) { before = 6; down(20); } printf("%d %d\n", got, before); return got; }
