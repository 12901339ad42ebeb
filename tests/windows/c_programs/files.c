#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    FILE *file = fopen(argv[1], "w"); char line[32]; int lines = 0;
    if (!file) { perror(argv[1]); return 3; }
    for (int i = 0; i < 1000; i++) fprintf(file, "line %d\n", i);
    fclose(file);
    file = fopen(argv[1], "rb");
    while (fgets(line, sizeof line, file)) lines++;
    long end = ftell(file); fseek(file, 7, SEEK_SET);
    printf("%d %ld %c %s", lines, end, fgetc(file), line);
    fclose(file); remove(argv[1]);
    return fopen("Z:\\nowhere\\at\\all", "r") == 0;
}
