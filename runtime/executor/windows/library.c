/* The functions of <stdlib.h> and <string.h> that the executor uses: it has no C runtime, so that the program's is the
 * only one in the process. Sources: C17, 7.22.3 and 7.24; POSIX for strdup. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size)::"memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    char *end = (char *)to + size;
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    for (const char *last = (const char *)from + size; size; size--)
        *--end = *--last;
    return to;
}

void *memset(void *to, int value, size_t size)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
    return to;
}

void *memchr(const void *data, int value, size_t size)
{
    for (const char *at = data; size; at++, size--)
        if (*at == (char)value)
            return (void *)(uintptr_t)at;
    return 0;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a, *right = b;
    for (; size; left++, right++, size--)
        if (*left != *right)
            return *left - *right;
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;
    while (*end)
        end++;
    return (size_t)(end - text);
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

void *malloc(size_t size)
{
    return HeapAlloc(GetProcessHeap(), 0, size);
}

void *calloc(size_t count, size_t size)
{
    size_t all;
    return __builtin_mul_overflow(count, size, &all) ? 0 : HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, all);
}

void *realloc(void *data, size_t size)
{
    return data ? HeapReAlloc(GetProcessHeap(), 0, data, size) : malloc(size);
}

void free(void *data)
{
    if (data)
        HeapFree(GetProcessHeap(), 0, data);
}

char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : 0;
}
