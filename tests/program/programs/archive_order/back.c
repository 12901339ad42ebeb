#include "log.h"
LOG(back)
int back = 1;
