int given_value = 100000;
int given_function(void) { return given_value; }
