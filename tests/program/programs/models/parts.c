#include "parts.h"

#include <stdlib.h>

int imported_data = 11, imported_array[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
char big_there[200000];
const char text_there[] = "a text there";
static int (*const self)(int) = imported;
static int (*const library)(int) = abs;

int imported(int x) { return x + imported_data + (int)entries[1].n; }
int check_big(void) { return big_there[199999]; }
int same_function(int (*f)(int)) { return f == imported && f == self; }
int same_library(int (*f)(int)) { return f == abs && f == library; }
