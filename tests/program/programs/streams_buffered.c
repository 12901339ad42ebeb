//#flags: -O0
//#env: PYTHONUNBUFFERED=1
//#stdin: first\nsecond\n
// What is in a buffer when a process ends at once is lost; a stream that is read ahead leaves nothing to read(2).
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char line[100], rest[100];
    if (!fgets(line, sizeof line, stdin))
        return 1;
    printf("read %s", line);
    printf("left %d\n", (int)read(0, rest, sizeof rest));
    fflush(stdout);
    printf("lost\n");
    _exit(0);
}
