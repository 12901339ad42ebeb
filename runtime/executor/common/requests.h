/* Requests to the controller that threads wait for. */

#pragma once

#include "executor.h"

struct request { /* of a thread, on its stack */
    word number;
    struct result answer;
    atomic_int done;
    struct condition wake;
    struct request *next;
};

void add_request(struct request *); /* which has its number then; or it is done, as the line is gone */
void wait_for_answer(struct request *);
void take_answer(const struct header *, char *data, size_t size);
void line_is_gone(void); /* all requests fail from now on */
void forget_line(void);  /* the same in the child of a fork, where nothing else runs */
