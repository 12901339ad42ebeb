__declspec(selectany) int shared = 5;
int *where(void) { return &shared; }
int given(int x) { return x + 1; }
int imported(int x) { return 3 * x; }
