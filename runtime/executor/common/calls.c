/* Calls of the controller, whoever reads the line. */

#include "calls.h"
#include "requests.h"

#include <stdlib.h>

enum { SECOND = 1000000000, GRACE = 2 };

struct worker {
    struct condition wake;
    struct call call;
    int has_call;
    struct worker *next; /* of the idle ones */
};

atomic_int main_returned;
struct calls calls = {.main_idle = 1};
struct program program;

static struct worker *idle;

void run_call(struct call *call, void (*before_answer)(void *), void *argument)
{
    struct result result = {{0}, 0};
    if (call->tag)
        result = ((wrapper *)call->tag)(call->data, call->size);
    else
        result = out_of_band("a call of address 0");
    free(call->data);
    if (before_answer)
        before_answer(argument);
    send_frame(RESULT, call->number, 0, result_data(&result), result.size);
    free_result(&result);
}

static void rests(void)
{
    calls.busy--;
    wake_all(&calls.rest);
}

/* Idle before the answer is sent: the next call may come at once, and shall find this thread. */
static void worker_rests(void *argument)
{
    struct worker *self = argument;
    take_lock(&calls.lock);
    self->next = idle;
    idle = self;
    rests();
    give_lock(&calls.lock);
}

void main_rests(void *argument)
{
    (void)argument;
    take_lock(&calls.lock);
    calls.main_idle = 1;
    rests();
    give_lock(&calls.lock);
}

static void work(void *argument)
{
    struct worker *self = argument;
    for (;;) {
        take_lock(&calls.lock);
        while (!self->has_call)
            wait_for(&self->wake, &calls.lock);
        self->has_call = 0;
        struct call call = self->call;
        give_lock(&calls.lock);
        run_call(&call, worker_rests, self);
    }
}

static void start_worker(const struct call *call)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        give_up("no memory for a thread");
    worker->call = *call;
    worker->has_call = 1;
    start_thread(work, worker);
}

/* Hand a call to the main thread, an idle one or a new one. */
void hand_over(const struct call *call)
{
    take_lock(&calls.lock);
    calls.busy++;
    struct worker *worker = calls.main_idle ? 0 : idle;
    int found = calls.main_idle || worker;
    if (calls.main_idle) {
        calls.main_idle = 0;
        calls.main_call = *call;
        calls.main_has_call = 1;
        wake_main();
    } else if (worker) {
        idle = worker->next;
        worker->call = *call;
        worker->has_call = 1;
        wake_one(&worker->wake);
    }
    give_lock(&calls.lock);
    if (!found)
        start_worker(call);
}

void wait_for_main(void)
{
    take_lock(&calls.lock);
    while (!calls.main_idle)
        wait_for(&calls.rest, &calls.lock);
    give_lock(&calls.lock);
}

/* The line has ended: calls that run may end, too, but not for ever. */
void finish_calls(void)
{
    line_is_gone();
    word end = now() + (word)GRACE * SECOND;
    take_lock(&calls.lock);
    for (word time; calls.busy && (time = now()) < end;)
        wait_at_most(&calls.rest, &calls.lock, end - time);
    if (calls.busy)
        leave_at_once(1);
    calls.quit = 1;
    wake_main();
    give_lock(&calls.lock);
}

int take_main_call(struct call *call)
{
    take_lock(&calls.lock);
    int has_call = calls.main_has_call;
    if (has_call) {
        *call = calls.main_call;
        calls.main_has_call = 0;
    }
    give_lock(&calls.lock);
    return has_call;
}

void count_own_call(void)
{
    take_lock(&calls.lock);
    calls.main_idle = 0;
    calls.busy++;
    give_lock(&calls.lock);
}

/* The process is the program's: void(word, word, word) at an address, then exit. Answered before it begins. */
struct result run_program_wrapper(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word function = read_word(&reader), a = read_word(&reader), b = read_word(&reader), c = read_word(&reader);
    if (reader.bad)
        give_up("a program without an address came");
    take_lock(&calls.lock);
    program.function = function;
    program.arguments[0] = a, program.arguments[1] = b, program.arguments[2] = c;
    program.wanted = 1;
    give_lock(&calls.lock);
    struct result nothing = {{0}, 0};
    return nothing;
}

void run_program(void)
{
    program.running = 1;
    ((void (*)(word, word, word))program.function)(program.arguments[0], program.arguments[1], program.arguments[2]);
    leave(0);
}
