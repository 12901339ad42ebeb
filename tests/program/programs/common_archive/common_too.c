int limit;
__attribute__((constructor)) static void never(void) { __builtin_trap(); }
