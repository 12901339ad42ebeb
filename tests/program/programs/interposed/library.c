int library_level = 1;
int library_hook(int x) { return x; }
int library_call(int x) { return library_hook(x) + library_level; }
int *library_address(void) { return &library_level; }
static int (*const table[])(int) = {library_hook};
int (*library_pointer(void))(int) { return table[0]; }
__attribute__((weak)) int library_weak(void) { return 4; }
int library_uses_weak(void) { return library_weak(); }
