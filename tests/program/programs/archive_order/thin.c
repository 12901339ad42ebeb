#include "log.h"
LOG(thin)
int thin = 1;
