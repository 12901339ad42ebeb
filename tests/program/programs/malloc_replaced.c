// A program with an allocator of its own: the C library allocates from it, too.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#link: -lpthread
//#places: child wire
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char pool[1 << 20] __attribute__((aligned(16)));
static size_t used;
static int live;

static int is_mine(const void *p) { return (const char *)p >= pool && (const char *)p < pool + sizeof pool; }

void *malloc(size_t size)
{
    size_t at = __atomic_fetch_add(&used, (size + 31) & ~(size_t)15, __ATOMIC_RELAXED);
    if (at + size + 32 > sizeof pool)
        return NULL;
    *(size_t *)(pool + at) = size;
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return pool + at + 16;
}
void free(void *p)
{
    if (is_mine(p))
        __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
}
void *calloc(size_t count, size_t size) { return malloc(count * size); } /* the pool is never used twice */
void *realloc(void *p, size_t size)
{
    void *q = malloc(size);
    if (p && q)
        memcpy(q, p, is_mine(p) && *(size_t *)((char *)p - 16) < size ? *(size_t *)((char *)p - 16) : size);
    free(p);
    return q;
}

static void *work(void *arg)
{
    char *text = strdup(arg);
    int mine = is_mine(text);
    free(text);
    return (void *)(intptr_t)mine;
}

int main(void)
{
    char *copy = strdup("a copy"), *line = NULL, *made;
    size_t room = 0;
    void *result;
    pthread_t thread;
    printf("%d %s\n", is_mine(copy), copy);
    free(copy);
    FILE *file = tmpfile();
    for (int i = 0; i < 100; i++)
        fprintf(file, "line %d of many\n", i);
    rewind(file);
    for (int i = 0; i < 50; i++)
        if (getline(&line, &room, file) < 0)
            return 1;
    printf("%d %s", is_mine(line), line);
    free(line);
    fclose(file);
    if (asprintf(&made, "%d and %s", 42, "text") < 0)
        return 1;
    printf("%d %s\n", is_mine(made), made);
    free(made);
    pthread_create(&thread, NULL, work, "in a thread");
    pthread_join(thread, &result);
    printf("%d\n", (int)(intptr_t)result);
    char *whole = realpath("/", NULL);
    printf("%d %s\n", is_mine(whole), whole);
    free(whole);
    return 0;
}
