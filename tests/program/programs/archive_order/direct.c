#include "log.h"
LOG(direct)
extern int last;
int direct = 1, *direct_needs = &last;
