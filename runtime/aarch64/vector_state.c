/* The size of this processor's vector registers: nothing is to be found out, as it is always the 32 registers of 16
 * bytes (tlsdesc.S, lazy_enter.S). */

#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int64_t uruk_rt_find_vector_size(void)
{
    return 0;
}
