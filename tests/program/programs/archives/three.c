int three(void) { return 100; }
