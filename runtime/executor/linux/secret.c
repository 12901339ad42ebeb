/* The secret that a controller must know: of URUK_SECRET, or of the file that URUK_SECRET_FILE names.
 *
 * A secret that was asked for and cannot be used ends the process: no executor listens without it. Nothing of it stays
 * in the environment, neither in `environ` nor in the process's initial stack, which /proc/PID/environ shows. */

#define _GNU_SOURCE
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 10000 }; /* milliseconds for a secret that comes through a pipe */

static char secret[MOST_SECRET];
static size_t secret_size;

int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void __attribute__((noreturn)) unusable(const char *source, const char *problem)
{
    char text[512];
    snprintf(text, sizeof text, "the secret of %.300s cannot be used: %s; nothing listens without it", source, problem);
    give_up(text);
}

/* Up to `most` bytes of a file. A pipe may have a writer that is slow: `URUK_SECRET_FILE=<(command)`. */
static size_t read_file(const char *path, char *data, size_t most)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct pollfd here = {file, POLLIN, 0};
    size_t size = 0;
    int64_t end = milliseconds() + PATIENCE;
    if (file < 0)
        unusable(path, strerror(errno));
    while (size < most) {
        int64_t left = end - milliseconds();
        if (left <= 0 || poll(&here, 1, (int)left) == 0)
            unusable(path, "it does not come within 10 seconds");
        ssize_t got = read(file, data + size, most - size);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got < 0)
            unusable(path, strerror(errno));
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
        explicit_bzero(text, strlen(text));
    }
}

/* Read the secret, if there is to be one. Ends the process where it cannot be used. */
void read_secret(void)
{
    const char *text = getenv("URUK_SECRET"), *path = getenv("URUK_SECRET_FILE");
    const char *source = text ? "URUK_SECRET" : path;
    char data[MOST_SECRET + 3]; /* an end of line, and one byte more than fits */
    if (text) {
        secret_size = strnlen(text, sizeof data);
        memcpy(data, text, secret_size);
    } else if (path) {
        secret_size = read_file(path, data, sizeof data);
        while (secret_size && (data[secret_size - 1] == '\n' || data[secret_size - 1] == '\r'))
            secret_size--;
    }
    if (source && !secret_size)
        unusable(source, "it is empty");
    if (source && secret_size > MOST_SECRET)
        unusable(source, "it is longer than 4096 bytes");
    memcpy(secret, data, secret_size);
    explicit_bzero(data, sizeof data);
    wipe_variable("URUK_SECRET"); /* the program has no use for them */
    wipe_variable("URUK_SECRET_FILE");
}

int has_secret(void)
{
    return secret_size != 0;
}

/* Whether that is the secret; how long the answer takes tells nothing of it. */
int is_secret(const char *said, size_t length)
{
    unsigned different = length != secret_size;
    for (size_t i = 0; i < secret_size; i++)
        different |= (unsigned char)(secret[i] ^ (i < length ? said[i] : 0));
    return !different;
}

void forget_secret(void)
{
    explicit_bzero(secret, sizeof secret);
}
