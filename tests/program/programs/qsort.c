// Callbacks from the C library into linked code: qsort, bsearch, qsort_r, nested.
//#compilers: gcc clang
//#flags: -O2 | -O0 -fno-pie | -mcmodel=large
#define _GNU_SOURCE
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int up(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static int with_sign(const void *a, const void *b, void *sign)
{
    return *(int *)sign * up(a, b);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void visit(const void *node, VISIT which, int depth)
{
    (void)depth;
    if (which == postorder || which == leaf)
        printf(" %s", *(char *const *)node);
}

static int tree_compare(const void *a, const void *b) { return strcmp(a, b); }

int main(void)
{
    int v[1000], sign = -1, key = 500;
    unsigned x = 12345;
    for (int i = 0; i < 1000; i++)
        v[i] = (x = x * 1103515245 + 12345) >> 16 & 1023;
    qsort(v, 1000, sizeof *v, up);
    printf("%d %d %d\n", v[0], v[500], v[999]);
    printf("found %d\n", bsearch(&v[500], v, 1000, sizeof *v, up) != NULL);
    qsort_r(v, 1000, sizeof *v, with_sign, &sign);
    printf("%d %d %d key %d\n", v[0], v[500], v[999], key);
    const char *words[] = {"pear", "fig", "apple", "kiwi", "date"};
    qsort(words, 5, sizeof *words, by_text);
    void *root = NULL;
    for (int i = 0; i < 5; i++)
        tsearch(words[i], &root, tree_compare);
    twalk(root, visit);
    puts("");
    return 0;
}
