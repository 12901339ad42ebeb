#include "../microsoft.h"
#include "unwound.h"

void between(int depth, int id) {
    Part part(id + depth);
    if (depth) between(depth - 1, id);
    else if (id % 200 == 0) throw id + 7;
}
