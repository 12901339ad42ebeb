/* Connections through a socket: the secret, and clients that have not sent it yet. */

#pragma once

#include "executor.h"

enum { MOST_SECRET = 4096, MOST_CLIENTS = 64 };

/* secret.c: what a controller must know before it is answered. A secret that was asked for and cannot be used ends the
 * process: no executor listens without it. */
enum { SECRET_ROOM = MOST_SECRET + 3 }; /* an end of line, and one byte more than fits */
void keep_secret(const char *source, char data[SECRET_ROOM], size_t size); /* `data` is overwritten */
void keep_secret_of_file(const char *path, char data[SECRET_ROOM], size_t size); /* without an end of line */
void unusable_secret(const char *source, const char *problem) __attribute__((noreturn));
int has_secret(void);
int is_secret(const char *said, size_t length);
void forget_secret(void);
void wipe(void *data, size_t size); /* overwrite it, even where nobody reads it again */

/* clients.c */
word next_controller(word listening); /* the connection of a client that has sent the secret, if there is one */
void forget_clients(void);

/* Sockets, as the system has them. */
static const word NO_SOCKET = ~(word)0, FOR_EVER = ~(word)0;
word accept_now(word listening, int *full);              /* NO_SOCKET where nobody is there; `full`: there is no room */
int receive_now(word socket, void *data, size_t size);   /* bytes; 0 where none have come yet, -1 at the end */
void close_socket(word socket);
void wait_for_sockets(const word *sockets, char *ready, int count, word nanoseconds); /* `ready` says which have come */
