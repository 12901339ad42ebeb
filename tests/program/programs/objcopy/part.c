int outside(int);
static int values[3] = {1, 2, 3};
int weakened(void) { return values[0]; }
int private(void) { return values[1]; }
int sum(int n) { return outside(values[n]) + weakened() + private(); }
