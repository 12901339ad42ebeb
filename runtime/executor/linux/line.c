/* The line to the controller: two descriptors, of pipes or of a socket. */

#define _GNU_SOURCE
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LEAST_NUMBER = 200, PIPE_ROOM = 1 << 20 };

struct line line;

/* A high number leaves those free that programs expect for the files that they open. */
static int move_up(int file)
{
    int high = fcntl(file, F_DUPFD_CLOEXEC, LEAST_NUMBER);
    if (high < 0)
        high = fcntl(file, F_DUPFD_CLOEXEC, 3);
    if (high < 0)
        give_up(strerror(errno));
    return high;
}

/* Such a number for a descriptor of our own. */
int high_file(int file)
{
    int high = move_up(file);
    close(file);
    return high;
}

void open_line(int in, int out)
{
    struct stat status;
    line.in = move_up(in);
    line.out = in == out ? line.in : move_up(out);
    if (in > 2)
        close(in);
    if (out != in && out > 2)
        close(out);
    line.is_socket = !fstat(line.in, &status) && S_ISSOCK(status.st_mode);
    if (!line.is_socket) { /* fewer switches for large messages */
        fcntl(line.in, F_SETPIPE_SZ, PIPE_ROOM);
        fcntl(line.out, F_SETPIPE_SZ, PIPE_ROOM);
    }
}

/* Write it all, without the signal of a line that is gone: the program's SIGPIPE is its own. */
static int write_all(struct iovec *parts, int count)
{
    while (count) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t done = line.is_socket ? sendmsg(line.out, &message, MSG_NOSIGNAL) : writev(line.out, parts, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return 0;
        for (; count && (size_t)done >= parts->iov_len; parts++, count--)
            done -= (ssize_t)parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + done;
            parts->iov_len -= (size_t)done;
        }
    }
    return 1;
}

int write_line(const struct header *header, const void *data, size_t size)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)header, sizeof *header}, {(void *)(uintptr_t)data, size}};
    sigset_t pipe, before, pending;
    if (line.is_socket)
        return write_all(parts, size ? 2 : 1);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    sigpending(&pending);
    int sent = write_all(parts, size ? 2 : 1);
    if (!sent && errno == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec now = {0, 0};
        sigtimedwait(&pipe, 0, &now); /* it was ours */
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
    return sent;
}

size_t read_line(void *data, size_t size)
{
    int refused;
    return store_line(data, size, &refused);
}

size_t store_line(void *data, size_t size, int *refused)
{
    size_t got = 0;
    *refused = 0;
    while (got < size) {
        ssize_t done = read(line.in, (char *)data + got, size - got);
        if (done < 0 && errno == EINTR)
            continue;
        *refused = done < 0 && errno == EFAULT;
        if (done <= 0)
            break;
        got += (size_t)done;
    }
    return got;
}
