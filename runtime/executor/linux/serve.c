/* Who reads the line.
 *
 * The main thread reads when it is idle, and runs at once what it has read. While it runs, another thread listens;
 * calls that come then go to further threads, which stay. A program gets the process for itself (run_program_wrapper):
 * the listener ends before main() begins, and a thread that asks the controller something reads the line itself. */

#define _GNU_SOURCE
#include "calls.h"
#include "linux.h"
#include "requests.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_MILLISECONDS = 100,
    BACK_OFF = 1000000, /* nanoseconds that the listener leaves the line to the main thread, before it looks again */
    SPIN = 50000,       /* nanoseconds that the main thread looks for the next call before it sleeps */
};

static pthread_mutex_t reading; /* of the line: who has it reads; recursive, for threads of a program */
static atomic_int main_waits;   /* for a message: the main thread will read it */
static int main_event, stop_event; /* descriptors that wake the main thread, and end the listener */
static int many_processors;
static pthread_t listener;

void wake_main(void)
{
    eventfd_write(main_event, 1);
}

enum own_reading begin_own_reading(void)
{
    if (!program.running)
        return READS_NOT;
    pthread_mutex_lock(&reading);
    return READS_AND_RUNS;
}

void end_own_reading(void)
{
    pthread_mutex_unlock(&reading);
}

/* While the main thread is busy, or cannot get rid of an answer. */
static void *listen_to_controller(void *argument)
{
    (void)argument;
    struct pollfd here[2] = {{line.in, POLLIN, 0}, {stop_event, POLLIN, 0}};
    int next = MORE;
    while (next == MORE) {
        poll(here, 2, -1);
        if (here[1].revents)
            return 0;
        if (calls.main_idle)
            pause_for(BACK_OFF);
        if (main_waits)
            continue;
        pthread_mutex_lock(&reading);
        if (poll(here, 1, 0) > 0)
            next = next_message(0);
        pthread_mutex_unlock(&reading);
    }
    if (next == END)
        finish_calls();
    return 0;
}

/* LLVM 19's controller does not close its side of a socket before this side does, once it is done. */
static void wait_for_message(struct pollfd here[2])
{
    if (many_processors)
        for (word end = now() + SPIN; now() < end;)
            if (poll(here, 2, 0) > 0)
                return;
    while (poll(here, 2, line.is_socket && !attached ? IDLE_MILLISECONDS : -1) == 0)
        if (main_returned && !allocations && !calls.busy) {
            main_returned = 0;
            shutdown(line.out, SHUT_WR);
        }
}

/* The next call for the main thread, handed over or read; 0 at the end. */
static int next_call(struct call *call)
{
    struct pollfd here[2] = {{line.in, POLLIN, 0}, {main_event, POLLIN, 0}};
    eventfd_t value;
    int got = 0;
    while (!got && !calls.quit) {
        main_waits = 1;
        wait_for_message(here);
        if (here[1].revents)
            eventfd_read(main_event, &value);
        pthread_mutex_lock(&reading);
        if (take_main_call(call))
            got = 1;
        else if (!calls.quit && poll(here, 1, 0) > 0) {
            int next = next_message(call);
            if (next == END)
                finish_calls();
            got = next == OWN;
            if (got)
                count_own_call();
        }
        main_waits = 0;
        pthread_mutex_unlock(&reading);
    }
    return got;
}

/* Before the controller hears of the program: it may close the line at once, which must not be taken for the end. */
static void end_listener(void *argument)
{
    (void)argument;
    eventfd_write(stop_event, 1);
    pthread_join(listener, 0);
}

/* A child that the program forks has no line: the controller must see this process end, and hear from it alone. */
static void in_child(void)
{
    close(line.in);
    if (line.out != line.in)
        close(line.out);
    forget_line();
}

static void start_listener(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&listener, 0, listen_to_controller, 0);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    if (problem)
        give_up(strerror(problem));
}

static void prepare(void)
{
    cpu_set_t processors;
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&reading, &recursive);
    main_event = high_file(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    stop_event = high_file(eventfd(0, EFD_CLOEXEC));
    many_processors = !sched_getaffinity(0, sizeof processors, &processors) && CPU_COUNT(&processors) > 1;
}

void serve(void)
{
    struct call call;
    prepare();
    pthread_atfork(0, 0, in_child);
    send_setup();
    start_listener();
    while (next_call(&call)) {
        run_call(&call, call.tag == (word)run_program_wrapper ? end_listener : main_rests, 0);
        if (program.wanted)
            run_program();
    }
    shut_down_shared_memory();
    shut_down_memory();
    leave(0);
}
