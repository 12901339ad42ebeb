#include "entry.h"
REGISTER(more)
