/* Wait for a controller on a socket.
 *
 * On loopback every process of this machine may connect. Anywhere else a secret is needed, from the environment (URUK_SECRET, or
 * a file that URUK_SECRET_FILE names), before anything is answered: 8 bytes "URUKAUTH", its length as 64 bits, itself.
 * A secret that is given is needed on loopback, too. Clients that have not sent it yet wait side by side. */

#define _GNU_SOURCE
#include "linux.h"
#include "listening.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MILLISECOND = 1000000 };

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
    if (ntohl(address.sin_addr.s_addr) >> 24 != 127 && !has_secret())
        give_up("listening beyond loopback wants a secret, in URUK_SECRET or the file of URUK_SECRET_FILE");
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    socklen_t size = sizeof address;
    if (file < 0 || bind(file, (struct sockaddr *)&address, sizeof address) || listen(file, MOST_CLIENTS) ||
        getsockname(file, (struct sockaddr *)&address, &size))
        give_up(strerror(errno));
    printf("listening on %s:%d\n", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
    fflush(stdout);
    return file;
}

void close_socket(word socket)
{
    close((int)socket);
}

word accept_now(word listening, int *full)
{
    int file = accept4((int)listening, 0, 0, SOCK_CLOEXEC), problem = file < 0 ? errno : 0;
    *full = problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM;
    if (problem == EBADF || problem == EINVAL || problem == ENOTSOCK)
        give_up(strerror(problem));
    return file < 0 ? NO_SOCKET : (word)file; /* else a client that has gone again (accept(2)) */
}

int receive_now(word socket, void *data, size_t size)
{
    ssize_t got = recv((int)socket, data, size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return got > 0 ? (int)got : -1;
}

void wait_for_sockets(const word *sockets, char *ready, int count, word nanoseconds)
{
    struct pollfd here[MOST_CLIENTS + 1];
    for (int i = 0; i < count; i++)
        here[i] = (struct pollfd){(int)sockets[i], POLLIN, 0};
    int patience = nanoseconds == FOR_EVER ? -1 : (int)((nanoseconds + MILLISECOND - 1) / MILLISECOND);
    int done = poll(here, (nfds_t)count, patience);
    if (done < 0 && errno != EINTR)
        give_up(strerror(errno));
    for (int i = 0; i < count; i++)
        ready[i] = done > 0 && here[i].revents;
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
        int file = (int)next_controller((word)listening);
        if (serve_for_ever && fork()) {
            close(file);
            continue;
        }
        forget_clients();
        close(listening);
        signal(SIGCHLD, SIG_DFL);
        forget_secret();
        setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return file;
    }
}
