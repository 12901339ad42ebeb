#include <stdio.h>

int only_weak(void) { return 5; }
__attribute__((constructor)) static void never(void) { puts("a member that nothing pulls"); }
