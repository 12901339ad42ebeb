#include <stdio.h>

__attribute__((constructor)) static void begin(void) { puts("nobody refers to this member"); }
