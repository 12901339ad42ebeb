/* Calls of the controller, between who reads the line and who runs them. */

#pragma once

#include "executor.h"

struct call {
    word number, tag;
    char *data;
    size_t size;
};

/* The main thread runs calls when it is idle, as thread-locals live on between calls; others are for further threads. */
struct calls {
    struct lock lock;
    struct condition rest; /* fewer calls run */
    struct call main_call;
    int main_has_call, busy;
    atomic_int main_idle, quit;
};
extern struct calls calls;

void run_call(struct call *, void (*before_answer)(void *), void *argument);
void main_rests(void *); /* what to run before the answer of a call in the main thread */
int take_main_call(struct call *);
void count_own_call(void); /* of the main thread, which has read it itself */
void hand_over(const struct call *);
void wait_for_main(void);
void finish_calls(void); /* at the end of the line */

struct program { /* see run_program_wrapper */
    int wanted, running;
    word function, arguments[3];
};
extern struct program program;
void run_program(void) __attribute__((noreturn));

/* Read one message. END at the end of the line, or after a hangup; LEAVE when a program gets the process. A call is
 * handed over, or, if `own` is given, stored there: OWN. */
enum { END, MORE, LEAVE, OWN };
int next_message(struct call *own);
