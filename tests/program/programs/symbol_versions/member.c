int member_2(void) { return 20; }
__asm__(".symver member_2, member@@@NEW");
