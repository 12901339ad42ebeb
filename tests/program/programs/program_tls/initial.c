#include "library.h"
extern __thread int shared_by_both;
FUNCTIONS(initial)
