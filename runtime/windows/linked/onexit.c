/* `_onexit` as Microsoft's start files have it. */

#include <stdlib.h>

_onexit_t _onexit(_onexit_t function)
{
    return atexit((void (*)(void))function) ? 0 : function;
}
