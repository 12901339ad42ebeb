extern int program_value, given_value;
int program_function(int x), program_weak(void), given_function(void);
int library_asks(int x) { return program_function(x) + 100 * program_value + program_weak() + given_function(); }
int (*library_pointer(void))(int) { return program_function; }
