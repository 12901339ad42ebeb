/* The executor's description of what it hides from programs (hidden.h). */

#include "hidden.h"

__attribute__((visibility("hidden"))) const struct uruk_hidden *uruk_hidden;

__attribute__((visibility("default"))) void uruk_rt_hide(const struct uruk_hidden *hidden)
{
    uruk_hidden = hidden;
}
