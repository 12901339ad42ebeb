// main runs on the process's first thread, with its whole stack: 6 MiB of recursion, and an aligned frame.
//#arch: x86_64
//#compilers: gcc clang
//#flags: -O0 | -O2
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

__attribute__((noinline)) static int deep(int n)
{
    volatile char frame[1000];
    memset((char *)frame, n, sizeof frame);
    return n ? deep(n - 1) + (frame[n % 1000] == (char)n) : 0;
}

__attribute__((noinline)) static int aligned(void)
{
    __m128 v = _mm_set1_ps(1.5f);
    return (uintptr_t)&v % 16 == 0 && _mm_cvtss_f32(_mm_mul_ps(v, v)) == 2.25f;
}

int main(void)
{
    printf("first thread %d\n", syscall(SYS_gettid) == getpid());
    printf("deep %d aligned %d control %x\n", deep(5800), aligned(), (unsigned)_mm_getcsr() & 0xffc0);
    return 0;
}
