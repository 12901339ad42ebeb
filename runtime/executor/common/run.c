/* Run functions of three C types: main, int(void) and int(int). */

#include "executor.h"

#include <stdlib.h>

static struct result number(int64_t value, size_t size)
{
    struct writer writer = {0};
    write_bytes(&writer, &value, size);
    return finish(&writer);
}

struct result run_as_main(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word function = read_word(&reader), count = read_count(&reader, 8);
    char **arguments = calloc(count + 1, sizeof *arguments);
    for (word i = 0; arguments && i < count; i++)
        arguments[i] = read_string(&reader);
    struct result result;
    if (!arguments || reader.bad || !function)
        result = no_arguments();
    else
        result = number(((int (*)(int, char **))function)((int)count, arguments), 8);
    for (word i = 0; arguments && i < count; i++)
        free(arguments[i]);
    free(arguments);
    main_returned = 1;
    return result;
}

struct result run_as_void(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word function = read_word(&reader);
    if (reader.bad || !function)
        return no_arguments();
    return number(((int (*)(void))function)(), 4);
}

struct result run_as_int(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word function = read_word(&reader);
    int32_t argument = read_int(&reader);
    if (reader.bad || !function)
        return no_arguments();
    return number(((int (*)(int))function)(argument), 4);
}
