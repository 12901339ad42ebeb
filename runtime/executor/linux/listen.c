/* Wait for a controller on a socket.
 *
 * On loopback anybody of this machine may come. Anywhere else a secret is wanted, from the environment (URUK_SECRET, or
 * a file that URUK_SECRET_FILE names), before anything is answered: 8 bytes "URUKAUTH", its length as 64 bits, itself.
 * A secret that is given is wanted on loopback, too. Clients that have not told it yet wait side by side. */

#define _GNU_SOURCE
#include "linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PATIENCE = 10000, /* milliseconds that a client has for the whole secret */
    MOST_CLIENTS = 64 /* that have not told it yet */
};
enum { MARK = 8, HEAD = 16 };

/* Who has connected, and not yet told the secret. */
struct client {
    int file;
    int64_t deadline;
    size_t got;
    char said[HEAD + MOST_SECRET];
};

static struct client *clients[MOST_CLIENTS]; /* the oldest first */
static int client_count;

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

/* Forget a client; its connection stays open if it came in. */
static void drop(int number, int came_in)
{
    struct client *client = clients[number];
    client_count--;
    memmove(clients + number, clients + number + 1, (size_t)(client_count - number) * sizeof *clients);
    if (!came_in)
        close(client->file);
    explicit_bzero(client, sizeof *client);
    free(client);
}

/* Read what has come of a client's secret: 1 if it is right, -1 if the client is to go, 0 if more must come. */
static int hear(struct client *client)
{
    for (;;) {
        word length = 0;
        if (client->got >= MARK && memcmp(client->said, "URUKAUTH", MARK))
            return -1;
        if (client->got >= HEAD)
            memcpy(&length, client->said + MARK, sizeof length);
        if (length > MOST_SECRET)
            return -1;
        size_t wanted = HEAD + (size_t)length;
        if (client->got >= HEAD && client->got == wanted)
            return is_secret(client->said + HEAD, (size_t)length) ? 1 : -1;
        ssize_t got = recv(client->file, client->said + client->got, wanted - client->got, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got <= 0)
            return -1;
        client->got += (size_t)got;
    }
}

/* Take in who has connected. Where there are too many, the one that has had the longest time goes. */
static void welcome(int listening)
{
    int file = accept4(listening, 0, 0, SOCK_CLOEXEC);
    if (file < 0) {
        int problem = errno, is_full = problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM;
        if (is_full && client_count)
            drop(0, 0);
        else if (is_full)
            usleep(100000);
        else if (problem == EBADF || problem == EINVAL || problem == ENOTSOCK)
            give_up(strerror(problem));
        return; /* else a client that has gone again (accept(2)) */
    }
    if (client_count == MOST_CLIENTS)
        drop(0, 0);
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        close(file);
        return;
    }
    client->file = file;
    client->deadline = milliseconds() + PATIENCE;
    clients[client_count++] = client;
}

/* Wait until a client has told the secret, if there is one; its connection. */
static int next_controller(int listening)
{
    for (;;) {
        struct pollfd here[MOST_CLIENTS + 1] = {{listening, POLLIN, 0}};
        int64_t now = milliseconds();
        while (client_count && clients[0]->deadline <= now)
            drop(0, 0);
        int count = client_count;
        for (int i = 0; i < count; i++)
            here[i + 1] = (struct pollfd){clients[i]->file, POLLIN, 0};
        if (poll(here, (nfds_t)count + 1, count ? (int)(clients[0]->deadline - now) : -1) < 0 && errno != EINTR)
            give_up(strerror(errno));
        for (int i = count - 1; i >= 0; i--) { /* backwards, as those that go make the others move up */
            int answer = here[i + 1].revents ? hear(clients[i]) : 0, file = clients[i]->file;
            if (answer)
                drop(i, answer > 0);
            if (answer > 0)
                return file;
        }
        if (here[0].revents)
            welcome(listening);
        if (!has_secret() && client_count) {
            int file = clients[0]->file;
            drop(0, 1);
            return file;
        }
    }
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
        int file = next_controller(listening);
        if (serve_for_ever && fork()) {
            close(file);
            continue;
        }
        while (client_count)
            drop(0, 0);
        close(listening);
        signal(SIGCHLD, SIG_DFL);
        forget_secret();
        setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return file;
    }
}
