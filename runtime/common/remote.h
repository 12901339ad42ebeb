/* What a controller in another process needs: wrapper functions, and requests to it. */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t word;

struct result { /* of a wrapper function; LLVM's WrapperFunctionResult */
    union {
        char *data;     /* more than 8 bytes: from malloc, freed by who gets it */
        char inline_data[8];
    } value;
    size_t size;
};

/* Ask the controller: what `tag` stands for, with these bytes; the answer, which the caller frees with free_result.
 * The controller answers in the thread whose call this came out of, where it came out of one. */
struct result uruk_dispatch(const void *tag, const void *data, size_t size) __attribute__((visibility("hidden")));

/* What a result holds. */
const char *uruk_result_data(const struct result *result) __attribute__((visibility("hidden")));
void uruk_free_result(struct result *result) __attribute__((visibility("hidden")));
