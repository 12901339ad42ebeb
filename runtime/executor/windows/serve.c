/* Who reads the line: one thread, always, as no thread of Windows can wait for a pipe and for another thread at once.
 * The main thread runs calls that are handed to it. */

#include "calls.h"
#include "requests.h"
#include "windows_parts.h"

static struct condition main_wakes;

/* With the lock of calls. */
void wake_main(void)
{
    wake_all(&main_wakes);
}

int begin_own_reading(void)
{
    return 0;
}

void end_own_reading(void)
{
}

/* A program has the process for itself, and ends when it ends: the controller may close the line before. */
static void listen_to_controller(void *argument)
{
    (void)argument;
    while (next_message(0) != END)
        ;
    if (program.wanted)
        line_is_gone();
    else
        finish_calls();
}

static int next_call(struct call *call)
{
    take_lock(&calls.lock);
    while (!calls.main_has_call && !calls.quit)
        wait_for(&main_wakes, &calls.lock);
    give_lock(&calls.lock);
    return take_main_call(call);
}

static void stay(void *argument)
{
    (void)argument;
}

void serve(void)
{
    struct call call;
    send_setup();
    start_thread(listen_to_controller, 0);
    while (next_call(&call)) {
        run_call(&call, call.tag == (word)run_program_wrapper ? stay : main_rests, 0);
        if (program.wanted)
            run_program();
    }
    shut_down_memory();
    leave(0);
}
