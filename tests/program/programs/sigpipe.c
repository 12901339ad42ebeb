// Writing to a closed pipe ends the program: SIGPIPE is at its default, though Python ignores it.
//#signal: SIGPIPE
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe(ends))
        return 1;
    close(ends[0]);
    puts("before");
    fflush(stdout);
    if (write(ends[1], "x", 1) != 1)
        perror("write");
    puts("not reached");
    return 0;
}
