// Frames of many pages, floating point, a cookie on the stack: helpers that the compiler calls.
#include "../microsoft.h"

__declspec(noinline) static int fill(char *room, int size, int depth) {
    for (int i = 0; i < size; i += 512) room[i] = (char)(i + depth);
    return room[size / 2];
}

__declspec(noinline) static int large(int depth) {
    char room[70000];
    int sum = fill(room, sizeof room, depth);
    return depth ? large(depth - 1) + room[1024] : sum;
}

__declspec(noinline) static double mean(const float *values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += values[i];
    return sum / count;
}

__declspec(noinline) static void copies(const char *text) {
    char room[32];
    int i = 0;
    for (; text[i] && i < 31; i++) room[i] = text[i];
    room[i] = 0;
    puts(room);
}

int main(int argc, char **argv) {
    float values[] = {1.5f, 2.25f, -3.0f, 8.0f};
    printf("%d %.4f\n", large(6), mean(values, 4));
    copies("a text on a guarded stack");
    for (int i = 1; i < argc; i++) copies(argv[i]);
    return large(1) & 0x3f;
}
