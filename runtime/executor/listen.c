/* Wait for a controller on a socket.
 *
 * On loopback anybody of this machine may come. Anywhere else a secret is wanted, from the environment (URUK_SECRET, or
 * a file that URUK_SECRET_FILE names), before anything is answered: 8 bytes "URUKAUTH", its length as 64 bits, itself. */

#define _GNU_SOURCE
#include "executor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST_SECRET = 4096, PATIENCE = 10 };

static char secret[MOST_SECRET + 1];
static size_t secret_size;

static void read_secret(void)
{
    const char *text = getenv("URUK_SECRET"), *path = getenv("URUK_SECRET_FILE");
    if (text && strlen(text) <= MOST_SECRET) {
        secret_size = strlen(text);
        memcpy(secret, text, secret_size);
    } else if (path) {
        FILE *file = fopen(path, "re");
        secret_size = file ? fread(secret, 1, MOST_SECRET, file) : 0;
        if (file)
            fclose(file);
        while (secret_size && (secret[secret_size - 1] == '\n' || secret[secret_size - 1] == '\r'))
            secret_size--;
    }
    unsetenv("URUK_SECRET"); /* the program has no use for them */
    unsetenv("URUK_SECRET_FILE");
}

static int open_socket(const char *words)
{
    char host[256];
    const char *colon = strrchr(words, ':');
    char *end = 0;
    if (!colon || strtoul(colon + 1, &end, 10) > 65535 || end == colon + 1 || *end || (size_t)(colon - words) >= sizeof host)
        give_up("listen=HOST:PORT is wanted");
    memcpy(host, words, (size_t)(colon - words));
    host[colon - words] = 0;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int problem = getaddrinfo(host, colon + 1, &hints, &found), yes = 1;
    if (problem)
        give_up(gai_strerror(problem));
    struct sockaddr_in address = *(struct sockaddr_in *)(void *)found->ai_addr;
    freeaddrinfo(found);
    if (ntohl(address.sin_addr.s_addr) >> 24 != 127 && !secret_size)
        give_up("listening beyond loopback wants a secret, in URUK_SECRET or the file of URUK_SECRET_FILE");
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    socklen_t size = sizeof address;
    if (file < 0 || bind(file, (struct sockaddr *)&address, sizeof address) || listen(file, 16) ||
        getsockname(file, (struct sockaddr *)&address, &size))
        give_up(strerror(errno));
    printf("listening on %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    fflush(stdout);
    return file;
}

static int receive(int file, char *data, size_t size)
{
    while (size) {
        ssize_t got = recv(file, data, size, 0);
        if (got <= 0)
            return 0;
        data += got;
        size -= (size_t)got;
    }
    return 1;
}

/* Whether the controller knows the secret; how long that takes tells nothing of it. */
static int knows_secret(int file)
{
    char head[16], said[MOST_SECRET];
    word length;
    struct timeval patience = {PATIENCE, 0}, for_ever = {0, 0};
    if (!secret_size)
        return 1;
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!receive(file, head, sizeof head) || memcmp(head, "URUKAUTH", 8))
        return 0;
    memcpy(&length, head + 8, sizeof length);
    if (length > MOST_SECRET || !receive(file, said, length))
        return 0;
    unsigned different = length != secret_size;
    for (size_t i = 0; i < secret_size; i++)
        different |= (unsigned char)(secret[i] ^ (i < length ? said[i] : 0));
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
    return !different;
}

/* The descriptor of a connection whose controller may come in. With `serve_for_ever` this returns in a new process for
 * each, and never in the first one. */
int accept_connection(const char *words, int serve_for_ever)
{
    read_secret();
    int yes = 1, listening = open_socket(words);
    if (serve_for_ever)
        signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int file = accept4(listening, 0, 0, SOCK_CLOEXEC);
        if (file < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (file < 0)
            give_up(strerror(errno));
        if (serve_for_ever && fork()) {
            close(file);
            continue;
        }
        if (!knows_secret(file)) {
            close(file);
            if (serve_for_ever)
                _exit(1);
            continue;
        }
        close(listening);
        signal(SIGCHLD, SIG_DFL);
        memset(secret, 0, sizeof secret);
        setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return file;
    }
}
