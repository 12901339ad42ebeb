typedef int function(int, int);
int by_value(int a, int b), product(int a, int b);
function *of_other(int which) { return which ? product : by_value; }
