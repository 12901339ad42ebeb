typedef int function(int, int);
int by_value(int a, int b) { return a - b; }
int product(int a, int b) { return a * b; }
int called_only(int a, int b) { return a + b; }
function *known(int which) { return which ? product : by_value; }
function *library_table[2] = {by_value, product};
int library_number = 5;
const struct { int *number; function *function; } library_entry = {&library_number, product};
