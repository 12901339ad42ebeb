/* A program that has the process for itself: what its start files (MinGW's crt2.o, Microsoft's startup code) set up in its
 * C runtime before main begins, and the end by that runtime's exit, which runs what is registered and flushes files.
 *
 * Sources: MinGW-w64's documentation of crtexe.c; Microsoft, "main function and command-line arguments", "WinMain". */

#include "program.h"

#include <stdint.h>
#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

extern int64_t uruk_rt_set_command_line(const char *narrow, const wchar_t *wide);

enum entry { MAIN, WIDE_MAIN, WINDOWED, WIDE_WINDOWED };

/* Functions and variables of the C runtime; 0 for what it has not. It has one of the two functions for its end. */
static struct c_runtime {
    void *(*onexit)(void (*)(void));
    int (*atexit)(void (*)(void));
    void (*exit)(int);
    int (*flush)(void *); /* fflush */
    int (*filter)(ULONG code, EXCEPTION_POINTERS *); /* has handlers of signals called for exceptions */
    int *argc;
    char ***argv;
    wchar_t ***wide_argv;
    char ***environment;
    wchar_t ***wide_environment;
    char **command_line;
    wchar_t **wide_command_line;
} crt;

static struct {
    int argc;
    char **argv, *tail;
    wchar_t **wide_argv, *wide_tail; /* tails: the command line behind the program's name, as WinMain gets it */
} program;

int at_end_of_program(void (*function)(void))
{
    if (crt.onexit)
        return crt.onexit(function) ? 0 : -1;
    return crt.atexit && crt.atexit(function) ? -1 : 0;
}

EXPORTED void uruk_rt_set_crt(const struct c_runtime *runtime)
{
    crt = *runtime;
}

static char *narrowed(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_ACP, 0, text, -1, 0, 0, 0, 0);
    char *narrow = HeapAlloc(GetProcessHeap(), 0, (size_t)size);
    if (narrow)
        WideCharToMultiByte(CP_ACP, 0, text, -1, narrow, size, 0, 0);
    return narrow;
}

/* Behind the first word and the blanks that follow it. */
static wchar_t *tail_of(wchar_t *line)
{
    int quoted = 0;
    for (; *line && (quoted || *line > L' '); line++)
        quoted ^= *line == L'"';
    while (*line && *line <= L' ')
        line++;
    return line;
}

/* `texts`: the command line, then `argc` words of it, each with its end. 0, or -1 without memory. */
EXPORTED int64_t uruk_rt_set_arguments(const wchar_t *texts, uint64_t size, uint64_t argc)
{
    wchar_t *wide = HeapAlloc(GetProcessHeap(), 0, size);
    char **argv = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, (argc + 1) * sizeof *argv);
    wchar_t **wide_argv = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, (argc + 1) * sizeof *wide_argv);
    if (!wide || !argv || !wide_argv)
        return -1;
    wchar_t *line = memcpy(wide, texts, size), *at = line;
    for (uint64_t i = 0; i < argc; i++) {
        at += lstrlenW(at) + 1;
        wide_argv[i] = at;
        if (!(argv[i] = narrowed(at)))
            return -1;
    }
    program.wide_tail = tail_of(line);
    char *narrow = narrowed(line);
    program.tail = narrowed(program.wide_tail);
    if (!narrow || !program.tail)
        return -1;
    program.argc = (int)argc, program.argv = argv, program.wide_argv = wide_argv;
    uruk_rt_set_command_line(narrow, line);
    if (crt.argc)
        *crt.argc = program.argc;
    if (crt.argv)
        *crt.argv = argv;
    if (crt.wide_argv)
        *crt.wide_argv = wide_argv;
    if (crt.command_line)
        *crt.command_line = narrow;
    if (crt.wide_command_line)
        *crt.wide_command_line = line;
    return 0;
}

static int shown_how(void)
{
    STARTUPINFOA info;
    GetStartupInfoA(&info);
    return info.dwFlags & STARTF_USESHOWWINDOW ? info.wShowWindow : SW_SHOWDEFAULT;
}

static int enter(enum entry kind, uint64_t function)
{
    HINSTANCE self = GetModuleHandleA(0);
    switch (kind) {
    case WIDE_MAIN:
        return ((int (*)(int, wchar_t **, wchar_t **))function)(program.argc, program.wide_argv,
                                                                crt.wide_environment ? *crt.wide_environment : 0);
    case WINDOWED:
        return ((int(WINAPI *)(HINSTANCE, HINSTANCE, char *, int))function)(self, 0, program.tail, shown_how());
    case WIDE_WINDOWED:
        return ((int(WINAPI *)(HINSTANCE, HINSTANCE, wchar_t *, int))function)(self, 0, program.wide_tail, shown_how());
    default:
        return ((int (*)(int, char **, char **))function)(program.argc, program.argv,
                                                          crt.environment ? *crt.environment : 0);
    }
}

static LPTOP_LEVEL_EXCEPTION_FILTER before;

/* What a program does not handle may be a signal that it has a handler for; the rest is reported as a crash. */
static LONG WINAPI make_signal(EXCEPTION_POINTERS *facts)
{
    if (crt.filter(facts->ExceptionRecord->ExceptionCode, facts) == EXCEPTION_CONTINUE_EXECUTION)
        return EXCEPTION_CONTINUE_EXECUTION;
    return before ? before(facts) : EXCEPTION_CONTINUE_SEARCH;
}

/* What a function of a kind returns, with which the program begins. MinGW's start files set the precision of x87
 * registers, so that a long double has all its 64 bits. */
static int run(uint64_t function, enum entry kind, uint64_t sets_precision)
{
    if (sets_precision)
        __asm__ volatile("fninit");
    if (crt.filter)
        before = SetUnhandledExceptionFilter(make_signal);
    return enter(kind, function);
}

/* The program has the process for itself, and ends it. */
EXPORTED void uruk_rt_run_program(uint64_t function, uint64_t kind, uint64_t sets_precision)
{
    int status = run(function, (enum entry)kind, sets_precision);
    end_program(status);
    ExitProcess((UINT)status);
}

/* What the program returns; the process goes on, its files flushed. */
EXPORTED int64_t uruk_rt_call_main(uint64_t function, uint64_t kind, uint64_t sets_precision)
{
    int status = run(function, (enum entry)kind, sets_precision);
    flush_program();
    return status;
}

void flush_program(void)
{
    if (crt.flush)
        crt.flush(0);
}

void end_program(int status)
{
    if (crt.exit)
        crt.exit(status);
}

/* What crt2.o and libmingw32.a do before main, the session has done: __main, and the handler of matherr. */
EXPORTED void uruk_rt_nothing(void)
{
}
