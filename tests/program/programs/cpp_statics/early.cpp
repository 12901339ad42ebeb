#include "life.h"

static Life life("early");
static Life prioritised __attribute__((init_priority(101))) ("early priority 101");
