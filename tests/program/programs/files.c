// Temporary files, positions, ungetc, wide input, memory streams, and file descriptors that start at three.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

int main(void)
{
    FILE *file = tmpfile();
    char line[40], *text;
    size_t size;
    fprintf(file, "one\ntwo %d\n", 2);
    rewind(file);
    if (fgets(line, sizeof line, file))
        printf("%s", line);
    int c = fgetc(file);
    ungetc(c, file);
    printf("%c %ld\n", c, ftell(file));
    fclose(file);
    FILE *memory = open_memstream(&text, &size);
    fprintf(memory, "%s %05d", "memory", 42);
    fclose(memory);
    printf("%s %zu\n", text, size);
    free(text);
    file = fmemopen((char[]){"12 0x1f abc"}, 11, "r");
    int a, b;
    printf("%d", fscanf(file, "%d %i %3s", &a, &b, line));
    printf(" %d %d %s\n", a, b, line);
    FILE *command = popen("echo from a pipe", "r");
    if (fgets(line, sizeof line, command))
        printf("%s%d\n", line, pclose(command));
    return 0;
}
