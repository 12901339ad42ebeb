static const char *const table[] = {"tail", "shared tail", "other", "her" , "ail"};
const char *there(int n) { return table[n] + (n == 2 ? 2 : 0); }
double scale(double x) { return x * 1.1 + 3.3e100; }
