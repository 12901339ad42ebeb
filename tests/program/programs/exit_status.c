// Only the low eight bits of main's value are the status; main of void arguments and no return gives 0 in C99.
//#exit: 44
int main(void) { return 300; }
