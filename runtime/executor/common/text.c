/* Texts of the executor's own. Handlers of signals and exceptions use this, too: no locale, no heap, little stack. */

#include "executor.h"

#include <stdarg.h>

struct output {
    char *at, *end;
};

static void put(struct output *output, char byte)
{
    if (output->at < output->end)
        *output->at++ = byte;
}

static void put_number(struct output *output, word value, unsigned base)
{
    char reversed[20]; /* digits of 64 bits */
    int count = 0;
    do
        reversed[count++] = "0123456789abcdef"[value % base];
    while (value /= base);
    while (count)
        put(output, reversed[--count]);
}

static void put_signed(struct output *output, int value)
{
    if (value < 0)
        put(output, '-');
    put_number(output, value < 0 ? -(word)value : (word)value, 10);
}

size_t format_text_of(char *text, size_t room, const char *format, va_list arguments)
{
    struct output output = {text, text + room - 1};
    for (; *format; format++) {
        if (*format != '%') {
            put(&output, *format);
            continue;
        }
        int is_long = 0;
        while (*++format == 'l')
            is_long = 1;
        if (*format == 's')
            for (const char *string = va_arg(arguments, const char *); *string; string++)
                put(&output, *string);
        else if (*format == 'd')
            put_signed(&output, va_arg(arguments, int));
        else
            put_number(&output, is_long ? va_arg(arguments, word) : va_arg(arguments, unsigned), *format == 'x' ? 16 : 10);
    }
    *output.at = 0;
    return (size_t)(output.at - text);
}

size_t format_text(char *text, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_text_of(text, room, format, arguments);
    va_end(arguments);
    return length;
}
