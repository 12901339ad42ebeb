// Structured exceptions: faults in functions that are called, raised ones, __finally on the way, nested blocks.
#include "../microsoft.h"

unsigned long __cdecl _exception_code(void);
int __cdecl _abnormal_termination(void);

__declspec(noinline) static void divide(volatile int *place, int by) { *place = 10 / by; }
__declspec(noinline) static void raise(unsigned code) { RaiseException(code, 0, 0, 0); }

static void steps(int how) {
    volatile int cell = 5;
    if (how == 1) divide(0, 1);
    if (how == 2) divide((int *)&cell, 0);
    if (how == 3) raise(0x12345678);
    printf("went through %d\n", how);
}

static int guarded(int how) {
    unsigned code = 0;
    __try {
        __try {
            steps(how);
        } __finally {
            printf("finally %d\n", _abnormal_termination() != 0);
        }
    } __except (code = _exception_code(), code == 0xC0000094 ? 0 : 1) {
        printf("caught %x\n", code);
        return 1;
    }
    return 0;
}

static int outer(int how) {
    __try {
        return guarded(how);
    } __except (_exception_code() == 0xC0000094) {
        puts("outer");
        return 2;
    }
}

static int leaves(int n) {
    __try {
        if (n == 0) return 10;
        if (n == 1) __leave;
        puts("end of block");
    } __finally {
        printf("left %d\n", n);
    }
    return n;
}

int main(void) {
    int sum = 0;
    for (int how = 0; how < 4; how++) sum = sum * 3 + outer(how);
    for (int n = 0; n < 3; n++) sum += leaves(n);
    printf("%d\n", sum);
    return sum & 0x7f;
}
