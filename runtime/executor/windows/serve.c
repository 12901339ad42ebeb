/* Who reads the line.
 *
 * No thread of Windows can wait for a pipe and for another thread at once. So the main thread reads when it is idle, and
 * runs at once what it has read; a thread that waits for an answer of the controller reads when nobody else does. Where
 * nobody has read for a while, as the main thread is busy, a listener does, until it has handed the main thread a call. */

#include "calls.h"
#include "requests.h"
#include "windows_parts.h"

enum {
    BACK_OFF = 1000000, /* nanoseconds that nobody reads before the listener does */
    MOST_ROUNDS = 100,  /* of these before the listener sleeps until it is woken */
};

static struct lock reading; /* of the line: who has it reads */
static atomic_int somebody_reads, listener_sleeps, main_sleeps;
static atomic_uint times_read; /* how often somebody began */
static struct condition main_wakes, listener_wakes;
static int main_was_woken; /* with the lock of calls */

/* With the lock of calls. */
void wake_main(void)
{
    main_was_woken = 1;
    wake_all(&main_wakes);
}

static int begin_reading(void)
{
    if (!try_lock(&reading))
        return 0;
    somebody_reads = 1;
    times_read++;
    return 1;
}

static void end_reading(void)
{
    somebody_reads = 0;
    give_lock(&reading);
    if (listener_sleeps || main_sleeps) {
        take_lock(&calls.lock);
        wake_all(&listener_wakes);
        wake_all(&main_wakes);
        give_lock(&calls.lock);
    }
}

enum own_reading begin_own_reading(void)
{
    return begin_reading() ? READS : READS_NOT;
}

void end_own_reading(void)
{
    end_reading();
}

/* LLVM 19's controller does not close its side of a socket before this side does, once it is done. With the lock of
 * calls, by the listener or the main thread: whichever does not read. */
static void end_session_of_llvm(void)
{
    if (!attached && main_returned && !allocations && !calls.busy) {
        main_returned = 0;
        end_sending();
    }
}

/* Until nobody reads. It says so before it looks: who ends reading sees it asleep, or is seen. */
static void sleep_while_somebody_reads(void)
{
    take_lock(&calls.lock);
    end_session_of_llvm();
    listener_sleeps = 1;
    while (somebody_reads)
        wait_for(&listener_wakes, &calls.lock);
    listener_sleeps = 0;
    give_lock(&calls.lock);
}

/* Returns when it reads, as nobody else has for a while. */
static void wait_until_nobody_reads(void)
{
    for (int rounds = 0;;) {
        unsigned before = times_read;
        pause_for(BACK_OFF);
        if (somebody_reads && times_read == before && ++rounds > MOST_ROUNDS) {
            sleep_while_somebody_reads();
            rounds = 0;
        } else if (!somebody_reads && times_read == before && begin_reading()) {
            return;
        }
    }
}

/* The main thread has got something to do, and no other is busy: it will read again when it is done. */
static int may_stop(void)
{
    take_lock(&calls.lock);
    int may = main_was_woken && calls.busy <= 1;
    main_was_woken = 0;
    give_lock(&calls.lock);
    return may;
}

/* A program has the process for itself, and ends when it ends: the controller may close the line before. */
static void take_end(void)
{
    if (program.wanted)
        line_is_gone();
    else
        finish_calls();
}

static void listen_to_controller(void *argument)
{
    (void)argument;
    for (;;) {
        wait_until_nobody_reads();
        do
            if (next_message(0) == END) {
                take_end(); /* nobody reads any more */
                return;
            }
        while (!may_stop());
        end_reading();
    }
}

/* The main thread waits for what the reader hands it, or for the end of its reading. */
static void wait_for_reader(void)
{
    take_lock(&calls.lock);
    main_sleeps = 1;
    while (!calls.main_has_call && !calls.quit && somebody_reads)
        if (attached)
            wait_for(&main_wakes, &calls.lock);
        else if (!wait_at_most(&main_wakes, &calls.lock, (word)MOST_ROUNDS * BACK_OFF))
            end_session_of_llvm();
    main_sleeps = 0;
    give_lock(&calls.lock);
}

/* The next call for the main thread, handed over or read; 0 at the end. */
static int next_call(struct call *call)
{
    while (!calls.quit) {
        if (take_main_call(call))
            return 1;
        if (!begin_reading()) {
            wait_for_reader();
            continue;
        }
        int next = calls.main_has_call || calls.quit ? MORE : next_message(call);
        if (next == OWN)
            count_own_call();
        if (next == END)
            take_end();
        end_reading();
        if (next == OWN)
            return 1;
    }
    return 0;
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
