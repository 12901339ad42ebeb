#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    printf("%s\n", setlocale(LC_ALL, 0));
    printf("%s %s\n", setlocale(LC_NUMERIC, "C"), localeconv()->decimal_point);
    printf("%d %d %d %c %c\n", isalpha('x') != 0, isdigit('x') != 0, ispunct('!') != 0, toupper('q'), tolower('Q'));
    printf("%d %d\n", strcoll("a", "b") < 0, setlocale(LC_ALL, "no-such-place") == 0);
    printf("%.3f %ld %lu\n", atof("2.75x"), strtol("-077", 0, 0), strtoul("ff", 0, 16));
    char text[] = "one two  three", *word = strtok(text, " ");
    for (; word; word = strtok(0, " "))
        printf("<%s>", word);
    printf("\n%s %s\n", strstr("haystack", "st"), strrchr("a/b/c", '/'));
    return 0;
}
