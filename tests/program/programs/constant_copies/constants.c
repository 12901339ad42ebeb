const int constant[2] = {1, 2};
int variable[2] = {3, 4};
int *const pointers[2] = {variable, variable + 1};
int library_function(void) { return 8; }
int (*const overridden[1])(void) = {library_function};
