// A function of a library has one address, taken by code and by data.
//#compilers: gcc clang
//#flags: -fno-pie | -fPIE | -fPIC | -mcmodel=large
#include <unistd.h>
int (*table[])(void) = {getpid};
int main(void) { int (*volatile p)(void) = getpid; return p == table[0] && p()==getpid() ? 0 : 3; }
