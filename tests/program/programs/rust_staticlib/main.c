// A Rust static library called from C: println, threads, thread_local, a caught panic, a callback into C.
//#sources: main.c geometry.rs
//#cflags[geometry.rs]: -O
//#compilers: gcc clang
//#link: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
//#env: RUST_BACKTRACE=0
#include <stdint.h>
#include <stdio.h>

int64_t rust_sum(const int32_t *v, size_t n);
int rust_panics(int n);
void rust_threads(int n);
int rust_map(int (*f)(int), int n);
char *rust_text(const char *name);
void rust_free(char *text);

static int square(int x) { return x * x; }

int main(void)
{
    const int32_t v[] = {1, 2, 3, 4};
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("sum %ld\n", (long)rust_sum(v, 4));
    printf("panic %d %d\n", rust_panics(1), rust_panics(-1));
    rust_threads(3);
    printf("map %d\n", rust_map(square, 5));
    char *text = rust_text("C");
    puts(text);
    rust_free(text);
    return 0;
}
