#include <stdio.h>
#include <stdlib.h>
void other(void);
static void one(void) { puts("one"); } static void two(void) { puts("two"); }
static void __attribute__((constructor)) first(void) { puts("first"); atexit(one); }
static void __attribute__((constructor(200))) early(void) { puts("early"); }
static void __attribute__((destructor)) last(void) { puts("last"); }
int main(void) { atexit(two); other(); printf("no end of line"); exit(5); }
