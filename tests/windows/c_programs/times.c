#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void) {
    time_t moment = 86400 * 365;
    char text[80];
    struct tm *day = gmtime(&moment);
    printf("%d-%d-%d %d %d\n", day->tm_year + 1900, day->tm_mon + 1, day->tm_mday, day->tm_wday, day->tm_yday);
    strftime(text, sizeof text, "%A %d %B %Y %H:%M:%S %j %U", day);
    puts(text);
    printf("%s", asctime(day));
    time_t now = time(0);
    struct tm here = *localtime(&now);
    printf("%d %g %d\n", mktime(&here) == now, difftime(now + 5, now), (int)sizeof(time_t));
    clock_t begin = clock();
    return clock() < begin;
}
