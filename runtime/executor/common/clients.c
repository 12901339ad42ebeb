/* Clients of a socket. Those that have not sent the secret yet wait side by side, each with a time of its own. */

#include "listening.h"

#include <stdlib.h>
#include <string.h>

enum { MARK = 8, HEAD = 16 };
static const word PATIENCE = 10000000000; /* nanoseconds that a client has for the whole secret */
static const word BACK_OFF = 100000000;

/* A client that has connected, and not sent the secret yet. */
struct client {
    word socket, deadline;
    size_t got;
    char said[HEAD + MOST_SECRET];
};

static struct client *clients[MOST_CLIENTS]; /* the oldest first */
static int client_count;

/* Forget a client; its connection stays open if it came in. */
static void drop(int number, int came_in)
{
    struct client *client = clients[number];
    client_count--;
    memmove(clients + number, clients + number + 1, (size_t)(client_count - number) * sizeof *clients);
    if (!came_in)
        close_socket(client->socket);
    wipe(client, sizeof *client);
    free(client);
}

void forget_clients(void)
{
    while (client_count)
        drop(0, 0);
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
        int got = receive_now(client->socket, client->said + client->got, wanted - client->got);
        if (got <= 0)
            return got;
        client->got += (size_t)got;
    }
}

/* Take in who has connected. Where there are too many, the one that has had the longest time goes. */
static void welcome(word listening)
{
    int full = 0;
    word socket = accept_now(listening, &full);
    if (full && client_count)
        drop(0, 0);
    else if (full)
        pause_for(BACK_OFF);
    if (socket == NO_SOCKET)
        return;
    if (client_count == MOST_CLIENTS)
        drop(0, 0);
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        close_socket(socket);
        return;
    }
    client->socket = socket;
    client->deadline = now() + PATIENCE;
    clients[client_count++] = client;
}

/* Wait until somebody says something, or comes, or has had his time. Returns 1 if somebody comes. */
static int wait_for_clients(word listening, char *ready)
{
    word sockets[MOST_CLIENTS + 1], time = now();
    char all_ready[MOST_CLIENTS + 1];
    while (client_count && clients[0]->deadline <= time)
        drop(0, 0);
    for (int i = 0; i < client_count; i++)
        sockets[i] = clients[i]->socket;
    sockets[client_count] = listening;
    wait_for_sockets(sockets, all_ready, client_count + 1, client_count ? clients[0]->deadline - time : FOR_EVER);
    memcpy(ready, all_ready, (size_t)client_count);
    return all_ready[client_count];
}

static word let_in(int number)
{
    word socket = clients[number]->socket;
    drop(number, 1);
    return socket;
}

word next_controller(word listening)
{
    char ready[MOST_CLIENTS];
    for (;;) {
        int somebody_comes = wait_for_clients(listening, ready);
        for (int i = client_count - 1; i >= 0; i--) { /* backwards, as those that go make the others move up */
            int answer = ready[i] ? hear(clients[i]) : 0;
            if (answer > 0)
                return let_in(i);
            if (answer < 0)
                drop(i, 0);
        }
        if (somebody_comes)
            welcome(listening);
        if (!has_secret() && client_count)
            return let_in(0);
    }
}
