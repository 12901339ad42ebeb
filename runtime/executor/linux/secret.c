/* Where the secret comes from: URUK_SECRET, or the file that URUK_SECRET_FILE names.
 *
 * Nothing of it stays in the environment, neither in `environ` nor in the process's initial stack, which
 * /proc/PID/environ shows. */

#define _GNU_SOURCE
#include "linux.h"
#include "listening.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MILLISECOND = 1000000 };
static const word PATIENCE = 10000000000; /* nanoseconds for a secret that comes through a pipe */

/* Up to `most` bytes of a file. A pipe may have a writer that is slow: `URUK_SECRET_FILE=<(command)`. */
static size_t read_file(const char *path, char *data, size_t most)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct pollfd here = {file, POLLIN, 0};
    size_t size = 0;
    word end = now() + PATIENCE;
    if (file < 0)
        unusable_secret(path, strerror(errno));
    while (size < most) {
        word time = now();
        if (time >= end || poll(&here, 1, (int)((end - time) / MILLISECOND)) == 0)
            unusable_secret(path, "it does not come within 10 seconds");
        ssize_t got = read(file, data + size, most - size);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got < 0)
            unusable_secret(path, strerror(errno));
        if (got == 0)
            break;
        size += (size_t)got;
    }
    close(file);
    return size;
}

/* Overwrite a variable where the kernel put it, all times that it is there, and take it out of the environment. */
static void wipe_variable(const char *name)
{
    size_t size = strlen(name);
    for (;;) {
        char **place = environ;
        while (*place && (strncmp(*place, name, size) || (*place)[size] != '='))
            place++;
        if (!*place)
            return;
        char *text = *place;
        for (; *place; place++)
            place[0] = place[1];
        wipe(text, strlen(text));
    }
}

/* Read the secret, if there is to be one. Ends the process where it cannot be used. */
void read_secret(void)
{
    const char *text = getenv("URUK_SECRET"), *path = getenv("URUK_SECRET_FILE");
    char data[SECRET_ROOM];
    if (text) {
        size_t size = strnlen(text, sizeof data);
        memcpy(data, text, size);
        keep_secret("URUK_SECRET", data, size);
    } else if (path) {
        keep_secret_of_file(path, data, read_file(path, data, sizeof data));
    }
    wipe_variable("URUK_SECRET"); /* the program has no use for them */
    wipe_variable("URUK_SECRET_FILE");
}
