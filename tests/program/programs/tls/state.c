#include "tls.h"

__thread int shared = 7;
__thread int tentative[8];
char lines[5][200];

void bump(int by)
{
    shared += by;
    tentative[7] += by;
}
