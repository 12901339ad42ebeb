// Alignments of data, zero-filled data and code up to 64 KiB.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fno-pie | -O1 -mcmodel=large
#include <stdint.h>
#include <stdio.h>

static _Alignas(65536) char data[3] = {1};
static _Alignas(65536) char zero[5];
static const _Alignas(16384) char constant[] = "constant";
_Alignas(4096) int exported[1] = {4};
__attribute__((aligned(8192), noinline)) int code(void) { return 5; }
__attribute__((aligned(32768), noinline)) static int more(void) { return 6; }

int main(void)
{
    printf("%d %d %d %d\n", (int)((uintptr_t)data % 65536), (int)((uintptr_t)zero % 65536),
           (int)((uintptr_t)constant % 16384), (int)((uintptr_t)exported % 4096));
    printf("%d %d\n", (int)((uintptr_t)code % 8192), (int)((uintptr_t)more % 32768));
    return data[0] + code() + more() + constant[8] + zero[4] - 12;
}
