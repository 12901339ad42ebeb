#include "entry.h"

REGISTER(from_more, 22);
REGISTER(again_from_more, 23);
__attribute__((section("counters"), used)) static int counter[3] = {10, 20, 30};
