/* What the executor has told about itself (hidden.h). */

#include "hidden.h"

__attribute__((visibility("hidden"))) const struct uruk_hidden *uruk_hidden;

__attribute__((visibility("default"))) void uruk_rt_hide(const struct uruk_hidden *hidden)
{
    uruk_hidden = hidden;
}
