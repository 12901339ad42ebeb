int two(void), shared(void); int one(void) { return 1 + two() + shared(); }
