#include <stdio.h>
int main(int argc, char **argv) {
    char text[64]; int number; double real;
    for (int i = 0; i < argc; i++) printf("%d %s|", i, i ? argv[i] : "");
    sscanf("17 2.5", "%d %lf", &number, &real);
    snprintf(text, sizeof text, "%05d %-8s| %.3e %x %c %%", number, "left", real, 0xbeef, 'q');
    puts(text);
    printf("%lld %zu %5.1f\n", -1234567890123LL, sizeof text, real);
    fprintf(stderr, "to stderr %s\n", "at once");
    return 42;
}
