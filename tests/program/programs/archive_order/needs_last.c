#include "log.h"
LOG(needs_last)
extern int last, back;
int needs_last = 1, *needs[] = {&last, &back};
