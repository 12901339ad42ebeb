/* SPS payloads; see wire.h. */

#include "wire.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reader read_from(const char *data, size_t size)
{
    struct reader reader = {data, data + size, 0};
    return reader;
}

static const char *take(struct reader *reader, word size)
{
    if ((word)(reader->end - reader->at) < size) {
        reader->bad = 1;
        reader->at = reader->end;
        return 0;
    }
    const char *at = reader->at;
    reader->at += size;
    return at;
}

word read_word(struct reader *reader)
{
    word value = 0;
    const char *at = take(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

unsigned read_byte(struct reader *reader)
{
    const char *at = take(reader, 1);
    return at ? (unsigned char)*at : 0;
}

int32_t read_int(struct reader *reader)
{
    int32_t value = 0;
    const char *at = take(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

struct text read_text(struct reader *reader)
{
    struct text text = {0, read_word(reader)};
    text.data = take(reader, text.size);
    if (!text.data)
        text.size = 0;
    return text;
}

char *read_string(struct reader *reader)
{
    struct text text = read_text(reader);
    char *copy = reader->bad || memchr(text.data, 0, text.size) ? 0 : malloc(text.size + 1);
    if (!copy) {
        reader->bad = 1;
        return 0;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return copy;
}

word read_count(struct reader *reader, word size)
{
    word count = read_word(reader);
    if (count > (word)(reader->end - reader->at) / size) {
        reader->bad = 1;
        return 0;
    }
    return count;
}

void write_bytes(struct writer *writer, const void *data, size_t size)
{
    if (writer->size + size > writer->room) {
        size_t room = 2 * writer->room + size + 64;
        char *more = realloc(writer->data, room);
        if (!more) {
            writer->failed = 1;
            return;
        }
        writer->data = more;
        writer->room = room;
    }
    if (size)
        memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

void write_word(struct writer *writer, word value)
{
    write_bytes(writer, &value, sizeof value);
}

void write_byte(struct writer *writer, unsigned value)
{
    char byte = (char)value;
    write_bytes(writer, &byte, 1);
}

void write_text(struct writer *writer, const char *text, size_t size)
{
    write_word(writer, size);
    write_bytes(writer, text, size);
}

struct result finish(struct writer *writer)
{
    struct result result = {{0}, writer->size};
    if (writer->failed) {
        free(writer->data);
        return out_of_band("no memory");
    }
    if (result.size > sizeof result.value.small) {
        result.value.data = writer->data;
    } else {
        memcpy(result.value.small, writer->data, writer->size);
        free(writer->data);
    }
    return result;
}

struct result out_of_band(const char *text)
{
    struct result result = {{strdup(text)}, 0};
    return result;
}

struct result no_arguments(void)
{
    return out_of_band("Could not deserialize arguments for wrapper function call");
}

static struct result failed(unsigned head, const char *format, va_list arguments)
{
    char text[512];
    struct writer writer = {0};
    format_text_of(text, sizeof text, format, arguments);
    write_byte(&writer, head);
    write_text(&writer, text, strlen(text));
    return finish(&writer);
}

struct result error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct result result = failed(1, format, arguments);
    va_end(arguments);
    return result;
}

struct result unexpected(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct result result = failed(0, format, arguments);
    va_end(arguments);
    return result;
}

struct result success(void)
{
    struct result result = {{0}, 1};
    return result;
}

const char *result_data(const struct result *result)
{
    return result->size > sizeof result->value.small ? result->value.data : result->value.small;
}

void free_result(struct result *result)
{
    if (result->size > sizeof result->value.small || (!result->size && result->value.data))
        free(result->value.data);
}
