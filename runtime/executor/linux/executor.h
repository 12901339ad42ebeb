/* The parts of the executor, one a file. */

#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "hidden.h"
#include "wire.h"

/* transport.c: frames over two descriptors. */
struct line {
    int in, out, is_socket;
};
extern struct line line;
void open_line(int in, int out);
int high_file(int file);
int send_frame(word opcode, word number, word tag, const void *data, size_t size); /* 0 if the line is gone */
int send_last_words(const char *text); /* from a signal handler */
int read_header(struct header *);      /* 1; 0 at the end of the line */
void read_payload(void *data, size_t size);
void give_up(const char *problem) __attribute__((noreturn));

/* serve.c: calls, whoever makes them. */
void serve(void) __attribute__((noreturn));
struct result dispatch(void *context, const void *tag, const char *data, size_t size);
extern atomic_int attached;     /* uruk's own controller is there */
extern atomic_int main_returned;

/* setup.c: the first message. */
void send_setup(void);
wrapper attach_wrapper, run_program_wrapper;

/* actions.c: calls that come with an allocation. */
struct action {
    word function;
    char *data;
    word size;
};
struct actions {
    struct action *pairs; /* finalize and deallocate halves, in turns */
    word count;
};
int read_actions(struct reader *, struct actions *);
char *run_finalize(struct actions *); /* 0, or why it failed: then what was done is undone. Either way it is used up */
void run_deallocate(struct actions *);
void free_actions(struct actions *);

/* memory.c, shared_memory.c */
struct segment {
    unsigned group;
    word address, size;
    struct text content;
};
const char *protect_segments(const struct segment *, word count, word base, word size);
void shut_down_memory(void);
void shut_down_shared_memory(void);
void unlink_shared_memory(void);
extern _Atomic int64_t allocations;
wrapper memory_reserve, memory_finalize, memory_deallocate;
wrapper shared_reserve, shared_initialize, shared_deinitialize, shared_release;
wrapper write_uint8s, write_uint16s, write_uint32s, write_uint64s, write_buffers;

/* libraries.c, run.c, frames.c */
wrapper library_open, library_lookup;
wrapper run_as_main, run_as_void, run_as_int;
wrapper register_frames, deregister_frames;

/* crash.c */
void report_crashes(void);
void crash_handler(int number, siginfo_t *info, void *context);

/* threads.c */
extern struct uruk_hidden hidden;
void use_alternate_stacks(void);

/* fork.c: a forked child has data of its own. */
void copy_data_at_fork(void);

/* secret.c: what a controller must know before it is answered. */
enum { MOST_SECRET = 4096 };
void read_secret(void);
int has_secret(void);
int is_secret(const char *said, size_t length);
void forget_secret(void);
int64_t milliseconds(void);

/* listen.c: a connection, by words `listen=HOST:PORT` or `serve=HOST:PORT`. */
int accept_connection(const char *address, int serve_for_ever);
