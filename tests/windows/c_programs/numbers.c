#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
int main(void) {
    struct tm day = {0}; char text[32];
    day.tm_year = 100; day.tm_mon = 1; day.tm_mday = 29; day.tm_hour = 12; mktime(&day);
    strftime(text, sizeof text, "%Y-%m-%d %j", &day);
    errno = 0; strtoll("99999999999999999999", 0, 10);
    printf("%.6f %.6f %.3f %s %d %d\n", sin(1), pow(2, 0.5), fmod(7.5, 2), text, errno == ERANGE, abs(-4));
    char *copy = strdup("a,b,c"); int parts = 0;
    for (char *part = strtok(copy, ","); part; part = strtok(0, ",")) parts++;
    free(copy); printf("%d %s\n", parts, strerror(ENOENT));
    return 0;
}
