/* Words and texts in this process for the controller; see runtime/linux/carriers.c and environment.c. */

#include <stdint.h>
#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED uint64_t *uruk_rt_keep_words(const uint64_t *words, uint64_t count)
{
    uint64_t *kept = HeapAlloc(GetProcessHeap(), 0, 8 * count);
    return kept ? memcpy(kept, words, 8 * count) : 0;
}

EXPORTED uint64_t uruk_rt_string_size(const char *text)
{
    return strlen(text);
}
