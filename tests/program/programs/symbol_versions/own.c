int own_1(void) { return 1; }
int own_2(void) { return 2; }
__asm__(".symver own_1, own@OLD");
__asm__(".symver own_2, own@@NEW");
