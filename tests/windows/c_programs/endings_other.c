#include <stdio.h>
static void __attribute__((constructor)) first(void) { puts("other first"); }
static void __attribute__((constructor(300))) early(void) { puts("other early"); }
static void __attribute__((destructor)) last(void) { puts("other last"); }
void other(void) { puts("other"); }
