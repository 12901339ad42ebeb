// Two megabytes on stdout, half of it by write(2) in between, arrive complete and in order.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char line[101];
    memset(line, 'x', 99);
    line[99] = '\n';
    line[100] = 0;
    for (int i = 0; i < 10000; i++) {
        snprintf(line, sizeof line, "%099d\n", i);
        fputs(line, stdout);
        if (i % 100 == 99) {
            fflush(stdout);
            for (int k = 0; k < 100; k++)
                if (write(1, line, 100) != 100)
                    return 1;
        }
    }
    return 0;
}
