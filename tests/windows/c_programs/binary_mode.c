/* MinGW's start files give the C runtime the program's own mode of files. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#undef _fmode
int _fmode = _O_BINARY;

int main(int argc, char **argv) {
    FILE *file = fopen(argv[1], "w");
    fputs("one\ntwo\n", file);
    long size = ftell(file);
    fclose(file);
    remove(argv[1]);
    printf("%ld\n", size);
    return 0;
}
