#include "entry.h"
REGISTER(unused)
int unused;
