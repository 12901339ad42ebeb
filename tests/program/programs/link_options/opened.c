int opened(void) { return 7; }
