double table[4] = {1.5, 0, 0, 2.5};
int other;
