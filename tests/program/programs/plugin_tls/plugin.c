extern __thread int depth;
extern __thread struct { _Alignas(64) char text[70]; int last; } wide;
extern __thread long zero;
extern __thread int *pointer;
int seen;

__attribute__((constructor)) static void begin(void) { seen = depth + wide.text[0] + wide.last; }
int add(int n) { return *pointer + n + depth++ + wide.last + wide.text[1]; }
long *address_of_zero(void) { return &zero; }
