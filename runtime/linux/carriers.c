/* Carriers of thread-local storage: objects that a controller has made, opened by this process's dynamic loader.
 *
 * An object whose path string equals a loaded one's *is* that one for glibc (elf/dl-load.c), so every carrier gets its
 * own spelling of one path. Other code opens the paths of loaded objects (libbacktrace opens and maps them all, and reads
 * their headers), so the descriptor in that path stays ours, and is an object without anything between loads. */

#define _GNU_SOURCE
#include "carriers.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

extern int memfd_create(const char *name, unsigned flags);

enum { NOEXEC_SEAL = 8, LEAST_NUMBER = 200 }; /* MFD_NOEXEC_SEAL: Linux 6.3 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int window = -1;
static struct stat identity;
static word serial = 2;

/* A copy with a number that programs do not expect to be free; any number where the limit of files is low. */
static int duplicate(int file)
{
    int high = fcntl(file, F_DUPFD_CLOEXEC, LEAST_NUMBER);
    return high < 0 ? fcntl(file, F_DUPFD_CLOEXEC, 3) : high;
}

static int memory_file(const char *name)
{
    int low = memfd_create(name, FD_CLOEXEC | NOEXEC_SEAL);
    if (low < 0)
        low = memfd_create(name, FD_CLOEXEC);
    if (low < 0)
        return -1;
    int high = fcntl(low, F_DUPFD_CLOEXEC, LEAST_NUMBER);
    if (high < 0)
        return low;
    close(low);
    return high;
}

static int fill(int file, const char *data, word size);

static const ElfW(Ehdr) nothing = { /* an object without sections: nothing is looked for in it */
    .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
    .e_type = ET_DYN,
#if defined __x86_64__
    .e_machine = EM_X86_64,
#elif defined __aarch64__
    .e_machine = EM_AARCH64,
#endif
    .e_version = EV_CURRENT,
    .e_ehsize = sizeof(ElfW(Ehdr)),
};

/* The window's number; programs that close all descriptors may have got it for something else. */
static int find_window(void)
{
    struct stat now;
    if (window >= 0 && !fstat(window, &now) && now.st_dev == identity.st_dev && now.st_ino == identity.st_ino)
        return window;
    window = memory_file("uruk-tls-window");
    if (window >= 0 && !fill(window, (const char *)&nothing, sizeof nothing))
        fstat(window, &identity);
    return window;
}

/* "//" and "/./" mean "/": the bits of a serial number spell a path string that no loaded object has. */
static void spell(char *path, size_t size, word number, int file)
{
    size_t at = snprintf(path, size, "/proc/self/fd");
    int bit = 63 - __builtin_clzl(number);
    while (bit-- > 0)
        at += snprintf(path + at, size - at, number >> bit & 1 ? "/." : "/");
    snprintf(path + at, size - at, "/%d", file);
}

static int write_all(int file, const char *data, word size)
{
    while (size) {
        ssize_t done = write(file, data, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        data += done;
        size -= done;
    }
    return 0;
}

/* As write_all. Beyond RLIMIT_FSIZE a write raises SIGXFSZ in this thread, which would end the process: it is taken. */
static int fill(int file, const char *data, word size)
{
    sigset_t limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    int failed = write_all(file, data, size);
    struct timespec now = {0, 0};
    if (failed && errno == EFBIG)
        sigtimedwait(&limit, 0, &now);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    return failed;
}

void *uruk_open_object(const char *data, word size, int flags, char *text, word text_size)
{
    char path[256];
    void *handle = 0;
    *text = 0;
    pthread_mutex_lock(&lock);
    int number = find_window(), file = memory_file("uruk-tls");
    int blank = number < 0 ? -1 : duplicate(number);
    if (file >= 0 && blank >= 0 && !fill(file, data, size) && dup3(file, number, O_CLOEXEC) >= 0) {
        spell(path, sizeof path, __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED), number);
        handle = dlopen(path, flags);
        if (!handle) {
            const char *problem = dlerror();
            snprintf(text, text_size, "%s", problem ? problem : "unknown error");
        }
        dup3(blank, number, O_CLOEXEC);
    }
    if (file >= 0)
        close(file);
    if (blank >= 0)
        close(blank);
    pthread_mutex_unlock(&lock);
    return handle;
}

/* Open an object whose constructors, or those of what it needs, may open others: without the lock, from a file of its
 * own, which the caller closes when the object is closed. 0 where there is none. */
void *uruk_open_shortly(const char *data, word size, int flags, int *file)
{
    char path[256];
    *file = memory_file("uruk-opener");
    if (*file < 0 || fill(*file, data, size))
        return 0;
    spell(path, sizeof path, __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED), *file);
    return dlopen(path, flags);
}

/* Open an object of these bytes; its handle, or 0 with the loader's text, or with none where there is no memory file. */
EXPORTED void *uruk_rt_open_carrier(const char *data, word size, char *text, word text_size)
{
    return uruk_open_object(data, size, RTLD_NOW, text, text_size);
}

/* Open an object whose names are everybody's; its handle, or 0. */
EXPORTED void *uruk_rt_open_exports(const char *data, word size)
{
    char text[8];
    return uruk_open_object(data, size, RTLD_NOW | RTLD_GLOBAL, text, sizeof text);
}

/* Open an object that needs libraries, which are everybody's, too; its handle, or 0 with the loader's text. */
EXPORTED void *uruk_rt_open_together(const char *data, word size, char *text, word text_size)
{
    return uruk_open_object(data, size, RTLD_NOW | RTLD_GLOBAL, text, text_size);
}

/* Unload one of these. */
EXPORTED void uruk_rt_close_carrier(void *handle)
{
    dlclose(handle);
}

/* Memory of the C library with these words, for what outlives the controller; 0 if there is none. */
EXPORTED word *uruk_rt_keep_words(const word *words, word count)
{
    word *kept = malloc(8 * count);
    return kept ? memcpy(kept, words, 8 * count) : 0;
}

EXPORTED void uruk_rt_free(void *memory)
{
    free(memory);
}
