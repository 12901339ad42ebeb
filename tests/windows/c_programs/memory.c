#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char *blocks[64];
    unsigned long long sum = 0;
    for (int i = 0; i < 64; i++) {
        blocks[i] = calloc(1, (size_t)i * 1000 + 1);
        memset(blocks[i], i, (size_t)i * 1000 + 1);
    }
    for (int i = 0; i < 64; i += 2)
        blocks[i] = realloc(blocks[i], 200000);
    for (int i = 0; i < 64; i++) {
        sum += (unsigned char)blocks[i][i * 1000];
        free(blocks[i]);
    }
    void *aligned = _aligned_malloc(100, 256);
    printf("%llu %d %d\n", sum, (int)((size_t)aligned & 255), malloc((size_t)-1 / 2) == 0);
    _aligned_free(aligned);
    char *onstack = alloca(10000);
    memset(onstack, 'x', 10000);
    return onstack[9999] == 'x' ? 0 : 1;
}
