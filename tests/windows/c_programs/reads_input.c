#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char line[128];
    int lines = 0, sum = 0, number;
    if (fgets(line, sizeof line, stdin))
        printf("title: %s", line);
    while (scanf("%d", &number) == 1)
        sum += number, lines++;
    printf("%d numbers, %d; ", lines, sum);
    int letter, others = 0;
    while ((letter = getchar()) != EOF)
        others++;
    printf("%d others, %d %d\n", others, feof(stdin) != 0, ferror(stdin));
    return 0;
}
