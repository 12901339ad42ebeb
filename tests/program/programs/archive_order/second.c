#include "log.h"
LOG(second)
extern int from_second;
int second = 1, *second_needs = &from_second;
