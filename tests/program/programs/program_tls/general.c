#include "library.h"
__thread int shared_by_both = 1000; /* the program has one of its own */
extern __thread int archive_depth;
FUNCTIONS(general)
int general_archive(void) { return archive_depth++; }
