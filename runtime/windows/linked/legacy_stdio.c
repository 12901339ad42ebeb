/* The functions of formatted input and output, which ucrtbase.dll has in another form: Microsoft's headers define them
 * inline, and legacy_stdio_definitions.lib has them for code without these (Microsoft, "Upgrade your code to the
 * Universal CRT"). They are for objects of Microsoft's kind, whose compiler's driver would link that library. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct stream stream;

/* Of ucrtbase.dll; `limit` is that of the room for a text, ~0 where nobody knows it. */
extern stream *__acrt_iob_func(unsigned index);
extern int __stdio_common_vfprintf(uint64_t options, stream *file, const char *format, void *locale, va_list list);
extern int __stdio_common_vfwprintf(uint64_t options, stream *file, const wchar_t *format, void *locale, va_list list);
extern int __stdio_common_vsprintf(uint64_t options, char *text, size_t limit, const char *format, void *locale, va_list);
extern int __stdio_common_vswprintf(uint64_t options, wchar_t *text, size_t limit, const wchar_t *format, void *, va_list);
extern int __stdio_common_vfscanf(uint64_t options, stream *file, const char *format, void *locale, va_list list);
extern int __stdio_common_vfwscanf(uint64_t options, stream *file, const wchar_t *format, void *locale, va_list list);
extern int __stdio_common_vsscanf(uint64_t options, const char *text, size_t limit, const char *, void *, va_list);
extern int __stdio_common_vswscanf(uint64_t options, const wchar_t *text, size_t limit, const wchar_t *, void *, va_list);

/* `options`: %s of wide functions is a wide text as in older runtimes; snprintf ends its text, and counts as C99 has it. */
enum { STANDARD_SNPRINTF = 2, LEGACY_WIDE = 4 };
static const size_t ANY = ~(size_t)0;

int vfprintf(stream *file, const char *format, va_list list)
{
    return __stdio_common_vfprintf(0, file, format, 0, list);
}

int vprintf(const char *format, va_list list)
{
    return vfprintf(__acrt_iob_func(1), format, list);
}

int vsnprintf(char *text, size_t limit, const char *format, va_list list)
{
    int count = __stdio_common_vsprintf(STANDARD_SNPRINTF, text, limit, format, 0, list);
    return count < 0 ? -1 : count;
}

int vsprintf(char *text, const char *format, va_list list)
{
    return vsnprintf(text, ANY, format, list);
}

int vfscanf(stream *file, const char *format, va_list list)
{
    return __stdio_common_vfscanf(0, file, format, 0, list);
}

int vsscanf(const char *text, const char *format, va_list list)
{
    return __stdio_common_vsscanf(0, text, ANY, format, 0, list);
}

int vfwprintf(stream *file, const wchar_t *format, va_list list)
{
    return __stdio_common_vfwprintf(LEGACY_WIDE, file, format, 0, list);
}

int vswprintf(wchar_t *text, size_t limit, const wchar_t *format, va_list list)
{
    int count = __stdio_common_vswprintf(LEGACY_WIDE, text, limit, format, 0, list);
    return count < 0 ? -1 : count;
}

/* A function with variable arguments, over the one that takes a list of them. */
#define OVER_LIST(type, name, parameters, last, call)                                                                  \
    type name parameters                                                                                               \
    {                                                                                                                  \
        va_list list;                                                                                                  \
        va_start(list, last);                                                                                          \
        type count = call;                                                                                             \
        va_end(list);                                                                                                  \
        return count;                                                                                                  \
    }

OVER_LIST(int, printf, (const char *format, ...), format, vprintf(format, list))
OVER_LIST(int, fprintf, (stream * file, const char *format, ...), format, vfprintf(file, format, list))
OVER_LIST(int, sprintf, (char *text, const char *format, ...), format, vsprintf(text, format, list))
OVER_LIST(int, snprintf, (char *text, size_t size, const char *format, ...), format, vsnprintf(text, size, format, list))
OVER_LIST(int, scanf, (const char *format, ...), format, vfscanf(__acrt_iob_func(0), format, list))
OVER_LIST(int, fscanf, (stream * file, const char *format, ...), format, vfscanf(file, format, list))
OVER_LIST(int, sscanf, (const char *text, const char *format, ...), format, vsscanf(text, format, list))
OVER_LIST(int, wprintf, (const wchar_t *format, ...), format, vfwprintf(__acrt_iob_func(1), format, list))
OVER_LIST(int, fwprintf, (stream * file, const wchar_t *format, ...), format, vfwprintf(file, format, list))
OVER_LIST(int, swprintf, (wchar_t * text, size_t size, const wchar_t *format, ...), format,
          vswprintf(text, size, format, list))
OVER_LIST(int, fwscanf, (stream * file, const wchar_t *format, ...), format,
          __stdio_common_vfwscanf(LEGACY_WIDE, file, format, 0, list))
OVER_LIST(int, swscanf, (const wchar_t *text, const wchar_t *format, ...), format,
          __stdio_common_vswscanf(LEGACY_WIDE, text, ANY, format, 0, list))

/* Code that declares them as imports (`__declspec(dllimport)`) calls them by pointers of these names. */
#define POINTER_TO(name) __typeof__(name) *const __imp_##name = name;
POINTER_TO(vfprintf)
POINTER_TO(vprintf)
POINTER_TO(vsnprintf)
POINTER_TO(vsprintf)
POINTER_TO(vfscanf)
POINTER_TO(vsscanf)
POINTER_TO(vfwprintf)
POINTER_TO(vswprintf)
POINTER_TO(printf)
POINTER_TO(fprintf)
POINTER_TO(sprintf)
POINTER_TO(snprintf)
POINTER_TO(scanf)
POINTER_TO(fscanf)
POINTER_TO(sscanf)
POINTER_TO(wprintf)
POINTER_TO(fwprintf)
POINTER_TO(swprintf)
POINTER_TO(fwscanf)
POINTER_TO(swscanf)
