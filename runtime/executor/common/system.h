/* What the executor takes from a system: the one layer below the common sources. linux/ and windows/ implement it. */

#pragma once

#include "wire.h"

/* All zero is a lock that is free, a condition that nobody waits for. The system's own types lie in them. */
struct lock {
    uint64_t words[6];
};
struct condition {
    uint64_t words[6];
};
void take_lock(struct lock *);
int try_lock(struct lock *); /* 1 if it was taken */
void give_lock(struct lock *);
void wait_for(struct condition *, struct lock *);
int wait_at_most(struct condition *, struct lock *, word nanoseconds); /* 0 when the time is over */
void wake_one(struct condition *);
void wake_all(struct condition *);

/* A thread that nobody joins; ends the process where none can be had. */
void start_thread(void (*function)(void *), void *argument);

word now(void); /* nanoseconds of a clock that is never set */
void pause_for(word nanoseconds);

/* Pages that are readable, writable and zero; 0 where there are none. Sizes are whole pages. */
word page_size(void);
word map_pages(word size);
void unmap_pages(word start, word size);
enum { CAN_READ = 1, CAN_WRITE = 2, CAN_EXECUTE = 4 };
const char *protect_pages(word start, word size, unsigned protection); /* 0, or why it is refused */

/* The line to the controller. */
size_t read_line(void *data, size_t size); /* fewer bytes at the end */
size_t store_line(void *data, size_t size, int *refused); /* where the controller wants it; `refused`: cannot be stored */
int write_line(const struct header *, const void *data, size_t size); /* 0 if the line is gone */

/* Shared libraries. */
enum { PROBLEM = 400 };
void *open_library(const char *path, char problem[PROBLEM]); /* the process itself for 0; 0, and why it failed */
word find_symbol(void *library, const char *name); /* in all libraries of the process for 0; 0 where there is none */
word find_in_usual_libraries(const char *name);    /* those that LLVM's own executor is linked with */

/* The process. */
word process_number(void);
void give_up(const char *problem) __attribute__((noreturn)); /* which is said on standard error; status 1 */
void leave(int status) __attribute__((noreturn));
void leave_at_once(int status) __attribute__((noreturn)); /* without what the program wants to run at its end */

/* What the first message says of the system. */
struct symbol {
    const char *name;
    const void *address;
};
extern const char system_triple[];
extern const struct symbol system_symbols[];  /* up to one without a name */
extern const struct symbol runtime_symbols[]; /* the functions of the runtime that are part of the program, likewise */

/* serve.c of the system: who reads the line. */
void wake_main(void); /* there is a call for the main thread, or the end has come */
enum own_reading { READS_NOT, READS, READS_AND_RUNS }; /* the latter runs the calls that it reads, too */
enum own_reading begin_own_reading(void); /* whether a thread that waits for an answer reads the line itself */
void end_own_reading(void);
