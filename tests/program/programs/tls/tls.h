extern __thread int shared;
extern __thread int tentative[8];
extern char lines[5][200];
void bump(int by);
const char *describe(void);
