#include "log.h"
LOG(from_second)
extern int needs_last;
int from_second = 1, *from_second_needs = &needs_last;
