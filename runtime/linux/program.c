/* The start and the end of a linked program in a process of its own. */

#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef int main_function(int, char **, char **);

extern void uruk_rt_set_program_name(char *name);
extern void uruk_rt_set_environ(char **envp);

static size_t read_auxiliary(char *target, size_t room)
{
    size_t size = 0;
    int file = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t got;
        while (size < room && (got = read(file, target + size, room - size)) > 0)
            size += got;
        close(file);
    }
    if (size % 16 || !size) { /* AT_NULL alone */
        memset(target, 0, 16);
        size = 16;
    }
    return size;
}

/* Lay out what lies at the bottom of the stack of a new process (System V psABI, 3.4.1): argc, argv, the environment,
 * the auxiliary vector, then the texts. `texts` has `count` arguments, each with its NUL. The environment is this
 * process's. Returns argv, or 0 when there is no memory; it lasts as long as the process. */
EXPORTED char **uruk_rt_initial_stack(const char *texts, uint64_t size, uint64_t count)
{
    static char auxiliary[4096] __attribute__((aligned(16)));
    size_t auxiliary_size = read_auxiliary(auxiliary, sizeof auxiliary), variables = 0, length = size;
    for (; environ && environ[variables]; variables++)
        length += strlen(environ[variables]) + 1;
    size_t words = 1 + count + 1 + variables + 1;
    char **stack = malloc(8 * words + auxiliary_size + length);
    if (!stack)
        return 0;
    char *text = (char *)(stack + words) + auxiliary_size, **argv = stack + 1, **envp = argv + count + 1;
    memcpy(stack + words, auxiliary, auxiliary_size);
    memcpy(text, texts, size);
    stack[0] = (char *)count;
    for (size_t i = 0; i < count; i++) {
        argv[i] = text;
        text += strlen(text) + 1;
    }
    argv[count] = 0;
    for (size_t i = 0; i < variables; i++) {
        envp[i] = strcpy(text, environ[i]);
        text += strlen(text) + 1;
    }
    envp[variables] = 0;
    if (count)
        uruk_rt_set_program_name(argv[0]);
    uruk_rt_set_environ(envp);
    return argv;
}

/* Run main() and end the process with what it returns, as a C program's start-up code does. */
EXPORTED void uruk_rt_run_program(main_function *entry, uint64_t argc, char **argv)
{
    exit(entry((int)argc, argv, environ));
}

/* __libc_start_main for a program's own _start: the C library's runs the initialisers of the executor, which are not the
 * program's. Those have run by now. Start files from before glibc 2.34 bring functions for before and after main(), of
 * which it calls the first only, as the loader calls what the other would (csu/libc-start.c). */
EXPORTED void uruk_rt_libc_start_main(main_function *entry, int argc, char **argv, void (*init)(int, char **, char **),
                                      void (*fini)(void), void (*loader_fini)(void))
{
    (void)fini;
    environ = argv + argc + 1;
    if (loader_fini)
        atexit(loader_fini);
    if (init)
        init(argc, argv, environ);
    exit(entry(argc, argv, environ));
}

/* The operands have registers of their own, as the compiler could give them those that are cleared before the jump. */
#if defined __x86_64__
#define START(stack, entry) \
    __asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1" ::"a"(stack), "c"(entry) : "memory")
#elif defined __aarch64__
#define START(stack, entry) \
    register char *bottom __asm__("x9") = stack; \
    register main_function *first_code __asm__("x16") = entry; \
    __asm__ volatile("mov sp, %0\n\tmov x0, xzr\n\tmov x29, xzr\n\tmov x30, xzr\n\tbr %1" ::"r"(bottom), "r"(first_code) \
                     : "memory")
#endif

/* Start a program at its own _start, as the kernel does: with the words that uruk_rt_initial_stack laid out at the bottom of
 * its stack, and without a function to call at its end, for which the loader has one (psABI, 3.4.1; AAPCS64 says none). */
EXPORTED void uruk_rt_start_program(main_function *entry, uint64_t argc, char **argv)
{
    char **first = argv - 1, **variable = argv + argc + 1;
    while (*variable++)
        continue;
    const ElfW(auxv_t) *auxiliary = (const void *)variable;
    while (auxiliary++->a_type != AT_NULL)
        continue;
    size_t size = (size_t)((const char *)auxiliary - (const char *)first);
    char *stack = __builtin_alloca_with_align((size + 15) & ~(size_t)15, 128);
    memcpy(stack, first, size);
    START(stack, entry);
    __builtin_unreachable();
}

/* What main() returns; the process goes on, its streams flushed. */
EXPORTED int uruk_rt_call_main(main_function *entry, uint64_t argc, char **argv)
{
    int status = entry((int)argc, argv, environ);
    fflush(0);
    return status;
}
