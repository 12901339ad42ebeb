extern __thread int depth;
#ifdef PLUGIN
__attribute__((constructor)) static void begin(void) { depth += 1000; }
#endif
int change(int by) { return depth += by; }
