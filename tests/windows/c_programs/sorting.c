#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int by_text(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static int by_number(const void *a, const void *b) { return *(int *)a - *(int *)b; }
int main(void) {
    char *words[] = {"pear", "apple", "fig", "kiwi"}; int numbers[100], key = 33;
    for (int i = 0; i < 100; i++) numbers[i] = i * 37 % 100;
    qsort(words, 4, sizeof *words, by_text); qsort(numbers, 100, sizeof *numbers, by_number);
    int *there = bsearch(&key, numbers, 100, sizeof *numbers, by_number);
    printf("%s %s %s %s %d\n", words[0], words[1], words[2], words[3], (int)(there - numbers));
    return 0;
}
