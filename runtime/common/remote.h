/* What a controller in another process needs: wrapper functions, and requests to it. */

#include <stddef.h>
#include <stdint.h>

typedef uint64_t word;

struct registers { /* of a call, with its arguments, and with its results when it has returned; assembly knows it */
    word integers[8];
    word vectors[8]; /* the lower words */
    word result_place; /* where a result in memory goes, in conventions with a register for that alone */
    word wide[8]; /* the upper words of vector registers; of results of x86-64, the words of st0 */
    word in_x87; /* not 0: the result is in st0 */
};

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
