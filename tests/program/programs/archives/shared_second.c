int shared(void) { return 2000; } int two(void); int not_called(void) { return two(); }
