__attribute__((used, noinline)) static int was_static(int x) { return x * 11; }
__attribute__((visibility("hidden"))) int pre_private(void) { return 900; }
int renamed(int x) { return was_static(x) + pre_private(); }
