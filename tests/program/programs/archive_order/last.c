#include "log.h"
LOG(last)
int last = 1;
