// Jump tables, computed goto, and a table of label differences.
//#compilers: gcc clang
//#flags: -O2 | -O0 | -O2 -fPIC | -O2 -fno-pie | -O2 -mcmodel=large | -O2 -fPIC -mcmodel=large
#include <stdio.h>

__attribute__((noinline)) static int choose(int n)
{
    switch (n) {
    case 0: return 17;
    case 1: return printf("one\n");
    case 2: return n * 31;
    case 3: return -n;
    case 4: return n << 9;
    case 5: return n ^ 0x55;
    case 6: return printf("six six\n");
    case 7: return n * n * n;
    case 9: return n % 4;
    default: return -100;
    }
}

__attribute__((noinline)) static int run(const unsigned char *code)
{
    static const void *const label[] = {&&halt, &&push, &&add, &&twice};
    static const int offset[] = {&&halt - &&halt, &&push - &&halt, &&add - &&halt, &&twice - &&halt};
    int stack[16], top = 0;
#define NEXT goto *label[*code++]
    NEXT;
push:
    stack[top++] = *code++;
    goto *(&&halt + offset[*code++]);
add:
    top--;
    stack[top - 1] += stack[top];
    NEXT;
twice:
    stack[top - 1] *= 2;
    NEXT;
halt:
    return stack[0];
}

__attribute__((noinline)) static const char *name(int n)
{
    switch (n) {
    case 0: return "zero";
    case 1: return "one";
    case 2: return "two";
    case 3: return "three";
    case 4: return "four";
    case 5: return "five";
    }
    return "many";
}

int main(void)
{
    for (int i = -1; i < 12; i++)
        printf("%d: %d %s\n", i, choose(i), name(i));
    const unsigned char code[] = {1, 5, 1, 6, 2, 3, 0};
    printf("%d\n", run(code));
    return 0;
}
