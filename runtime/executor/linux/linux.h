/* The parts of the executor that are Linux's, one a file. */

#pragma once

#include <signal.h>

#include "executor.h"
#include "hidden.h"

/* line.c: the line is two descriptors. */
struct line {
    int in, out, is_socket;
};
extern struct line line;
void open_line(int in, int out);
int high_file(int file);

/* serve.c */
void serve(void) __attribute__((noreturn));

/* shared_memory.c, frames.c */
void shut_down_shared_memory(void);
void unlink_shared_memory(void);
wrapper shared_reserve, shared_initialize, shared_deinitialize, shared_release;
wrapper register_frames, deregister_frames;

/* crash.c */
void report_crashes(void);
extern struct uruk_hidden hidden;

/* threads.c */
void use_alternate_stacks(struct uruk_stand_in stand_ins[2]); /* which it fills in */
const stack_t *own_stack(void); /* the alternate one of the calling thread; 0 where it has none */

/* fork.c: a forked child has data of its own. */
void copy_data_at_fork(void);

/* secret.c: the secret of the environment, kept in common/secret.c. */
void read_secret(void);

/* listen.c: a connection, by words `listen=HOST:PORT` or `serve=HOST:PORT`. */
int accept_connection(const char *address, int serve_for_ever);
