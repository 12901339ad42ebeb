typedef int function(int, int);
int by_value(int a, int b), product(int a, int b), called_only(int a, int b);
function *used(int which) { return which ? product : by_value; }
int call(function *f) { return f == called_only ? called_only(3, 4) : -1; }
