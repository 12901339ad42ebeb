/* Calls from a controller in another process into this one, and back. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "remote.h"

#define EXPORTED __attribute__((visibility("default")))

typedef struct result dispatch_function(void *context, const void *tag, const char *data, size_t size);

static dispatch_function *dispatch;
static void *dispatch_context;

/* The number of the controller's call that this thread is in; ~0 outside of any. */
static word *current_call(void)
{
    return uruk_thread_word();
}

/* How requests reach the controller; called once, before anything else here. */
EXPORTED void uruk_rt_connect(dispatch_function *function, void *context)
{
    dispatch = function;
    dispatch_context = context;
}

static struct result failure(const char *text)
{
    struct result result = {{strdup(text)}, 0};
    return result;
}

static struct result success(char *data, size_t size)
{
    struct result result = {{0}, size};
    if (size > sizeof result.value.inline_data) {
        result.value.data = data;
    } else {
        memcpy(result.value.inline_data, data, size);
        free(data);
    }
    return result;
}

const char *uruk_result_data(const struct result *result)
{
    return result->size > sizeof result->value.inline_data ? result->value.data : result->value.inline_data;
}

void uruk_free_result(struct result *result)
{
    if (result->size > sizeof result->value.inline_data || (!result->size && result->value.data))
        free(result->value.data);
}

/* The argument of a call: this, then integers (a ninth is `result_place`), vectors, stack words, words that are offsets
 * into the bytes (numbers of integers; behind them, of stack words; behind these, offsets of words in the bytes), then
 * the bytes. More than eight vectors are the lower words of all eight, and then upper ones. The answer: two integer and
 * four vector registers of the result, errno, the exception that left the function or 0, the upper words of these vector
 * registers (or those of st0), and the first `back` bytes. CATCHES in the number of integers says that there may be an
 * exception, IN_X87 that the result is in st0. */
struct call {
    word id, function;
    uint32_t integers, vectors, stack, pointers;
    uint64_t bytes, back;
};

enum { ANSWER = 12 * sizeof(word), MOST = 1 << 16 };
#define CATCHES (1u << 31)
#define IN_X87 (1u << 30)

/* The size of what lies between a call and its bytes. */
static size_t size_of_words(const struct call *call)
{
    return 8 * ((size_t)call->integers + call->vectors + call->stack + call->pointers);
}

static int fits(const struct call *call, size_t size)
{
    if (call->integers > 9 || call->vectors > 16 || call->stack > MOST || call->pointers > MOST)
        return 0;
    size_t before = sizeof *call + size_of_words(call);
    return size >= before && call->bytes == size - before && call->back <= call->bytes;
}

static word *integer(struct registers *registers, word number)
{
    return number < 8 ? &registers->integers[number] : &registers->result_place;
}

/* The place of a pointer; 0 where there is none of that number. */
static void *pointer(const struct call *call, word which, struct registers *registers, word *stacked, char *bytes)
{
    if (which < call->integers)
        return integer(registers, which);
    which -= call->integers;
    if (which < call->stack)
        return &stacked[which];
    which -= call->stack;
    return call->bytes >= sizeof(word) && which <= call->bytes - sizeof(word) ? bytes + which : 0;
}

static struct result make_call(const struct call *call, const word *words, const char *given, uint32_t marks)
{
    struct registers registers = {{0}, {0}, 0, {0}, marks & IN_X87};
    const word *vectors = words + call->integers, *stack = vectors + call->vectors, *pointers = stack + call->stack;
    word *stacked = malloc(8 * call->stack + 8);
    char *answer = malloc(ANSWER + 16 + call->bytes);
    if (!stacked || !answer) {
        free(stacked), free(answer);
        return failure("no memory for a call");
    }
    char *bytes = (char *)(((uintptr_t)answer + ANSWER + 15) & -16);
    memcpy(bytes, given, call->bytes);
    for (uint32_t i = 0; i < call->integers; i++)
        *integer(&registers, i) = words[i];
    memcpy(registers.vectors, vectors, 8 * (call->vectors < 8 ? call->vectors : 8));
    if (call->vectors > 8)
        memcpy(registers.wide, vectors + 8, 8 * (call->vectors - 8));
    memcpy(stacked, stack, 8 * call->stack);
    for (uint32_t i = 0; i < call->pointers; i++) {
        word which = pointers[i];
        void *place = pointer(call, which, &registers, stacked, bytes);
        word value = 0;
        if (place)
            memcpy(&value, place, sizeof value);
        if (!place || value > call->bytes) {
            free(stacked), free(answer);
            return failure("a pointer of a call is out of bounds");
        }
        value += (word)bytes;
        memcpy(place, &value, sizeof value);
    }
    word *current = current_call(), outer = *current;
    *current = call->id;
    uruk_set_last_error(0);
    word exception = uruk_invoke_guarded(call->function, &registers, stacked, call->stack, !!(marks & CATCHES));
    word error = (word)uruk_last_error();
    *current_call() = outer;
    memcpy(answer, registers.integers, 2 * sizeof(word));
    memcpy(answer + 2 * sizeof(word), registers.vectors, 4 * sizeof(word));
    memcpy(answer + 6 * sizeof(word), &error, sizeof error);
    memcpy(answer + 7 * sizeof(word), &exception, sizeof exception);
    memcpy(answer + 8 * sizeof(word), registers.wide, 4 * sizeof(word));
    memmove(answer + ANSWER, bytes, call->back);
    free(stacked);
    return success(answer, ANSWER + call->back);
}

/* Call a function; see struct call. A wrapper function: the controller's calls go to its address. */
EXPORTED struct result uruk_rt_call_wrapper(const char *data, size_t size)
{
    struct call call;
    if (size < sizeof call)
        return failure("a call is too short");
    memcpy(&call, data, sizeof call);
    uint32_t marks = call.integers & (CATCHES | IN_X87);
    call.integers &= ~marks;
    if (!fits(&call, size))
        return failure("the parts of a call do not fit");
    size_t words_size = size_of_words(&call);
    word *words = malloc(words_size + 8); /* aligned */
    if (!words)
        return failure("no memory for a call");
    memcpy(words, data + sizeof call, words_size);
    struct result result = make_call(&call, words, data + sizeof call + words_size, marks);
    free(words);
    return result;
}

/* The bytes at an address: two words, address and size. A wrapper function, which fails where they cannot be read. */
EXPORTED struct result uruk_rt_read_wrapper(const char *data, size_t size)
{
    word range[2];
    if (size != sizeof range)
        return failure("a read is not two words");
    memcpy(range, data, sizeof range);
    char *copy = malloc(range[1] + 1);
    if (!copy)
        return failure("no memory for a read");
    if (uruk_read_memory(copy, range[0], range[1])) {
        free(copy);
        return failure("not readable");
    }
    return success(copy, range[1]);
}

/* Store bytes at an address. 0, or -1 where it is not writable. */
EXPORTED int64_t uruk_rt_store(word address, const char *bytes, word size)
{
    return uruk_write_memory(address, bytes, size);
}

struct result uruk_dispatch(const void *tag, const void *data, size_t size)
{
    char *request = malloc(8 + size);
    if (!request || !dispatch) {
        free(request);
        return failure("no controller, or no memory");
    }
    memcpy(request, current_call(), 8);
    memcpy(request + 8, data, size);
    struct result result = dispatch(dispatch_context, tag, request, 8 + size);
    free(request);
    return result;
}
