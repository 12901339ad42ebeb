/* The wire of LLVM's SimpleRemoteEPC: frames, SPS payloads, and the results of wrapper functions. */

#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t word;

enum { SETUP, HANGUP, RESULT, CALL };

struct header {
    word size, opcode, number, tag;
};

struct result { /* LLVM's WrapperFunctionResult: up to 8 bytes inline, more from malloc */
    union {
        char *data;
        char small[8];
    } value;
    size_t size;
};

typedef struct result wrapper(const char *data, size_t size);

/* A payload that is read: past its end everything is 0, and `bad`. */
struct reader {
    const char *at, *end;
    int bad;
};

struct text {
    const char *data;
    word size;
};

struct reader read_from(const char *data, size_t size);
word read_word(struct reader *);
unsigned read_byte(struct reader *);
int32_t read_int(struct reader *);
struct text read_text(struct reader *);      /* String, or Sequence[char] */
char *read_string(struct reader *);          /* with a NUL, from malloc; 0 where it does not fit, or holds a NUL */
word read_count(struct reader *, word size); /* of elements that take `size` bytes each at least */

/* A payload that is written. */
struct writer {
    char *data;
    size_t size, room;
    int failed;
};

void write_bytes(struct writer *, const void *, size_t);
void write_word(struct writer *, word);
void write_byte(struct writer *, unsigned);
void write_text(struct writer *, const char *text, size_t size);
struct result finish(struct writer *);

struct result no_arguments(void); /* out-of-band: the argument could not be decoded */
struct result out_of_band(const char *text);
struct result error(const char *format, ...) __attribute__((format(printf, 1, 2))); /* SPSError */
struct result success(void);
struct result unexpected(const char *format, ...) __attribute__((format(printf, 1, 2))); /* SPSExpected without value */
size_t format_text_of(char *text, size_t room, const char *format, va_list); /* text.c */
const char *result_data(const struct result *);
void free_result(struct result *);
