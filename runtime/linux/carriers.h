/* Objects that a controller has made, opened by the dynamic loader; see carriers.c. */

#include <stdint.h>

/* Open an object of these bytes; its handle, or 0 with the loader's text, or with none where there is no memory file. */
__attribute__((visibility("hidden"))) void *uruk_open_object(const char *data, uint64_t size, int flags, char *text,
                                                             uint64_t text_size);

/* Open an object from a file of its own, which the caller closes when the object is closed; its handle, or 0. */
__attribute__((visibility("hidden"))) void *uruk_open_shortly(const char *data, uint64_t size, int flags, int *file);
