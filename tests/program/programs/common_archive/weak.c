int only_weak __attribute__((weak)) = 9;
__attribute__((constructor)) static void never(void) { __builtin_trap(); }
