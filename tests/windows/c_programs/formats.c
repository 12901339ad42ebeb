#include <stdio.h>
#include <string.h>

int main(void) {
    char text[64];
    printf("[%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%u]\n", 42, 42, 42, 42, 42, 255, 255, 255, 8, 4000000000u);
    printf("[%lld|%llu|%llx|%hd|%hhd|%zu|%td|%jd]\n", -1LL << 40, ~0ULL, 1ULL << 40, (short)70000, (signed char)300, sizeof text,
           text + 3 - text, 1LL << 50);
    printf("[%f|%.2f|%10.3f|%-10.1f|%e|%.3E|%g|%G|%a]\n", 3.14159, 2.5, 1.0 / 3, 9.99, 12345.678, 0.00012, 1e20, 1e-7, 1.5);
    printf("[%s|%10s|%-10s|%.3s|%c|%%]\n", "text", "right", "left", "truncated", 'c');
    printf("[%*d|%-*d|%.*f]\n", 6, 1, 6, 2, 3, 2.0 / 3);
    printf("[%p]\n", (void *)0x1234);
    printf("%d %s|\n", snprintf(text, 5, "%s", "too long"), text);
    printf("%d\n", sprintf(text, "%d-%s", 7, "seven"));
    double real = 0;
    float single = 0;
    unsigned number = 0;
    char word[16], rest[16];
    printf("%d ", sscanf("12.5 3.25 0x1f word,rest", "%lf %f %x %15[^,],%15s", &real, &single, &number, word, rest));
    printf("%g %g %u %s %s\n", real, single, number, word, rest);
    return 0;
}
