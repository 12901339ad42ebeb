/* The parts of the executor that every system has, one a file. */

#pragma once

#include <stdatomic.h>

#include "system.h"

/* transport.c: frames. */
int send_frame(word opcode, word number, word tag, const void *data, size_t size); /* 0 if the line is gone */
int send_last_words(const char *text); /* from a thread that has crashed */
int read_header(struct header *);      /* 1; 0 at the end of the line */
void read_payload(void *data, size_t size);
void store_payload(word place, size_t size); /* read_payload for an address that the controller names */

/* text.c: %s, %d, and %x and %u of words; cut where there is no room. Returns the length. */
size_t format_text(char *text, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* dispatch.c: ask the controller. */
struct result dispatch(void *context, const void *tag, const char *data, size_t size);

/* calls.c: see calls.h. */
wrapper run_program_wrapper;
extern atomic_int main_returned;

/* setup.c: the first message. */
void send_setup(void);
wrapper attach_wrapper;
extern atomic_int attached; /* uruk's own controller is there */

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

/* memory.c */
struct segment {
    unsigned group;
    word address, size;
    struct text content;
};
const char *protect_segments(const struct segment *, word count, word base, word size);
void shut_down_memory(void);
extern _Atomic int64_t allocations;
wrapper memory_reserve, memory_finalize, memory_deallocate;
wrapper write_uint8s, write_uint16s, write_uint32s, write_uint64s, write_buffers;

/* libraries.c, run.c */
wrapper library_open, library_lookup;
wrapper run_as_main, run_as_void, run_as_int;
