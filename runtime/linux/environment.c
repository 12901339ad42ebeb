/* The environment of this process, for who started it. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

/* Set a variable, or, with the value 0, remove it. */
EXPORTED void uruk_rt_set_variable(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* The length of a string, for who reads it. */
EXPORTED uint64_t uruk_rt_string_size(const char *text)
{
    return strlen(text);
}
