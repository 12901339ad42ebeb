/* The parts of the executor that are Windows's, one a file. */

#pragma once

#include "executor.h"

/* Windows begins threads with 53 bits of precision in x87 registers, and MinGW's long double has 64. */
static inline void begin_x87(void)
{
    __asm__ volatile("fninit");
}

/* line.c: the line is two files, or a socket. */
void open_files(word in, word out);                                     /* handles of this process */
void open_descriptors(const char *controller, const char *in, const char *out); /* under wine */
void open_line_of(int (*receive)(void *, int), int (*send)(const void *, int), void (*end_sending)(void));
void end_sending(void); /* of a socket: the controller sees the end, and may go on sending */
word parse_number(const char *text);                                    /* ~0 where it is none */

/* listen.c: a connection, by words `listen=HOST:PORT` or `serve=HOST:PORT`, or one that is inherited: `socket=HANDLE`. */
void accept_connection(const char *address, int serve_for_ever);
void take_connection(word socket);

/* secret.c */
void read_secret(void);

/* system.c */
int is_wine(void);

/* threads.c: the calling thread ends, and the process does when its last thread has, but for the executor's own. */
void end_with_threads(void);

/* serve.c */
void serve(void) __attribute__((noreturn));

/* crash.c */
void report_crashes(void);
extern int crashes_are_reported;
void report_aborts(void); /* of C runtimes that are in the process now */
