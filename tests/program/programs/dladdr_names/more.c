int table[4] = {1, 2, 3, 4};
int zeroed[100];
const char message[] = "message";
int of_c(int x) { return x - 1; }
int defined_twice(void) { return 2; }
__asm__(".text\n.globl of_assembly\nof_assembly: ret\n");
