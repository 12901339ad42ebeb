#include <direct.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
    char pattern[512];
    struct _finddata_t entry;
    struct _stat64 facts;
    printf("%d\n", _mkdir(argv[1]));
    snprintf(pattern, sizeof pattern, "%s/inside.txt", argv[1]);
    FILE *file = fopen(pattern, "wb");
    fwrite("12345", 1, 5, file);
    fclose(file);
    int failed = _stat64(pattern, &facts);
    printf("%d %lld\n", failed, (long long)facts.st_size);
    snprintf(pattern, sizeof pattern, "%s/*.txt", argv[1]);
    intptr_t search = _findfirst(pattern, &entry);
    printf("%s\n", search == -1 ? "none" : entry.name);
    printf("%d\n", _findnext(search, &entry));
    _findclose(search);
    snprintf(pattern, sizeof pattern, "%s/inside.txt", argv[1]);
    failed = remove(pattern);
    printf("%d %d\n", failed, _rmdir(argv[1]));
    return 0;
}
