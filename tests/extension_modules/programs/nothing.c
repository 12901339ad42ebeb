void *PyInit_nothing(void) { return 0; }
