int three(void); int two(void) { return 10 + three(); }
