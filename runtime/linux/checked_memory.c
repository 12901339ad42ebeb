/* Copies to and from addresses that may be anything: the kernel copies, and refuses where a program would crash.
 *
 * process_vm_readv names no file and takes no lock. Where a filter of system calls or an emulator has none, the bytes go
 * through a pipe of the call's own.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

#include "process.h"

enum { PIECE = 4096 }; /* a pipe holds that much without a reader (pipe(7), PIPE_BUF) */

static int by_pipe(char *to, const char *from, uint64_t size)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    uint64_t done = 0;
    while (done < size) {
        ssize_t written = write(ends[1], from + done, size - done < PIECE ? size - done : PIECE);
        if (written <= 0 || read(ends[0], to + done, (size_t)written) != written)
            break;
        done += (uint64_t)written;
    }
    close(ends[0]), close(ends[1]);
    return done < size ? -1 : 0;
}

/* Either side may be the one that is not there: the kernel checks both. */
static int copy(char *to, const char *from, uint64_t size)
{
    while (size) {
        struct iovec here = {to, size}, there = {(void *)(uintptr_t)from, size};
        ssize_t done = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
        if (done <= 0)
            return by_pipe(to, from, size);
        to += done, from += done, size -= (uint64_t)done;
    }
    return 0;
}

int uruk_read_memory(void *own, uint64_t address, uint64_t size)
{
    return copy(own, (const char *)address, size);
}

int uruk_write_memory(uint64_t address, const void *own, uint64_t size)
{
    return copy((char *)address, own, size);
}
