/* Exceptions of Microsoft's C++ lie on the stack of who throws them: they are described before that is left. */

#pragma once

#include <windows.h>

/* A description that the controller reads as it reads exceptions of the GNU kind, or 0 without memory: one of an unknown
 * type where nothing could be read. */
void *uruk_describe_thrown(const EXCEPTION_RECORD *) __attribute__((visibility("hidden")));
int uruk_is_description(const void *) __attribute__((visibility("hidden")));
void uruk_destroy_thrown(const EXCEPTION_RECORD *) __attribute__((visibility("hidden")));
