/* Calls of the controller, and requests to it.
 *
 * The main thread runs calls when it is idle: thread-locals live on between calls, and main() is where it belongs. It
 * reads the line then, and runs at once what it has read. While it runs, another thread listens; calls that come then go
 * to further threads, which stay. A program gets the process for itself (run_program_wrapper): the listener ends before
 * main() begins, and a thread that asks the controller something reads the line itself. */

#define _GNU_SOURCE
#include "executor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GRACE = 2, IDLE_MILLISECONDS = 100 };
enum {
    BACK_OFF = 1000000, /* nanoseconds that the listener leaves the line to the main thread, before it looks again */
    SPIN = 50000,       /* nanoseconds that the main thread looks for the next call before it sleeps */
};

static const word LARGEST = (word)1 << 32;

struct call {
    word number, tag;
    char *data;
    size_t size;
};

struct worker {
    pthread_cond_t wake;
    struct call call;
    int has_call;
    struct worker *next; /* of the idle ones */
};

struct request { /* of a thread that waits for the controller's answer */
    word number;
    struct result answer;
    int done;
    pthread_cond_t wake;
    struct request *next;
};

atomic_int attached, main_returned;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rest = PTHREAD_COND_INITIALIZER; /* fewer calls run */
static pthread_mutex_t reading; /* of the line: who has it reads; recursive, for threads of a program */
static struct call main_call;
static int main_has_call, gone, busy;
static atomic_int main_idle, quit;
static atomic_int main_waits; /* for a message: the main thread will read it */
static int main_event, stop_event; /* descriptors that wake the main thread, and end the listener */
static int many_processors;
static struct worker *idle;
static struct request *requests;
static word next_number;
static pthread_t listener;

static struct { /* see run_program_wrapper */
    int wanted, running;
    word function, arguments[3];
} program;

static void run(struct call *call, void (*before_answer)(void *), void *argument)
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
    busy--;
    pthread_cond_broadcast(&rest);
}

/* Idle before the answer is sent: the next call may come at once, and shall find this thread. */
static void worker_rests(void *argument)
{
    struct worker *self = argument;
    pthread_mutex_lock(&lock);
    self->next = idle;
    idle = self;
    rests();
    pthread_mutex_unlock(&lock);
}

static void main_rests(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&lock);
    main_idle = 1;
    rests();
    pthread_mutex_unlock(&lock);
}

static void *work(void *argument)
{
    struct worker *self = argument;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!self->has_call)
            pthread_cond_wait(&self->wake, &lock);
        self->has_call = 0;
        struct call call = self->call;
        pthread_mutex_unlock(&lock);
        run(&call, worker_rests, self);
    }
    return 0;
}

static void start_worker(const struct call *call)
{
    struct worker *worker = calloc(1, sizeof *worker);
    pthread_t thread;
    sigset_t none, before;
    sigemptyset(&none);
    if (!worker)
        give_up("no memory for a thread");
    pthread_cond_init(&worker->wake, 0);
    worker->call = *call;
    worker->has_call = 1;
    pthread_sigmask(SIG_SETMASK, &none, &before);
    int problem = pthread_create(&thread, 0, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    if (problem)
        give_up(strerror(problem));
    pthread_detach(thread);
}

/* Hand a call to the main thread, an idle one or a new one. */
static void hand_over(const struct call *call)
{
    pthread_mutex_lock(&lock);
    busy++;
    struct worker *worker = main_idle ? 0 : idle;
    int found = main_idle || worker;
    if (main_idle) {
        main_idle = 0;
        main_call = *call;
        main_has_call = 1;
        eventfd_write(main_event, 1);
    } else if (worker) {
        idle = worker->next;
        worker->call = *call;
        worker->has_call = 1;
        pthread_cond_signal(&worker->wake);
    }
    pthread_mutex_unlock(&lock);
    if (!found)
        start_worker(call);
}

static void take_answer(const struct header *header, char *data, size_t size)
{
    struct writer writer = {data, size, size, 0};
    pthread_mutex_lock(&lock);
    struct request **place = &requests;
    while (*place && (*place)->number != header->number)
        place = &(*place)->next;
    struct request *request = *place;
    if (request) {
        *place = request->next;
        request->answer = finish(&writer);
        request->done = 1;
        pthread_cond_signal(&request->wake);
    }
    pthread_mutex_unlock(&lock);
    if (!request)
        give_up("an answer to no request came");
}

/* Writes go from the line to where they belong, without a copy in between; a message of them may be large. */
static void write_from_line(const struct header *header, size_t size)
{
    word count, place[2];
    if (size < sizeof count)
        give_up("a write without a count came");
    read_payload(&count, sizeof count);
    size -= sizeof count;
    if (count > size / sizeof place)
        give_up("a write of impossible size came");
    while (count--) {
        if (size < sizeof place)
            give_up("a write of impossible size came");
        read_payload(place, sizeof place);
        size -= sizeof place;
        if (place[1] > size)
            give_up("a write of impossible size came");
        read_payload((void *)place[0], place[1]);
        size -= place[1];
    }
    char rest[64];
    for (size_t part; size; size -= part) {
        part = size < sizeof rest ? size : sizeof rest;
        read_payload(rest, part);
    }
    send_frame(RESULT, header->number, 0, 0, 0);
}

static void wait_for_main(void)
{
    pthread_mutex_lock(&lock);
    while (!main_idle)
        pthread_cond_wait(&rest, &lock);
    pthread_mutex_unlock(&lock);
}

enum { END, MORE, LEAVE, OWN };

/* Read one message. END at the end of the line, or after a hangup; LEAVE when a program gets the process. A call is
 * handed over, or, if `own` is given, stored there: OWN. */
static int next_message(struct call *own)
{
    struct header header;
    if (!read_header(&header))
        return END;
    if (header.size < sizeof header || header.size > LARGEST)
        give_up("a message of impossible size came");
    if (header.opcode == SETUP || header.opcode > CALL)
        give_up("a message of unknown kind came");
    size_t size = header.size - sizeof header;
    if (header.opcode == CALL && header.tag == (word)write_buffers) {
        write_from_line(&header, size);
        return MORE;
    }
    char *data = malloc(size + 1);
    if (!data)
        give_up("no memory for a message");
    read_payload(data, size);
    struct call call = {header.number, header.tag, data, size};
    if (header.opcode == HANGUP) {
        free(data);
        return END;
    }
    if (header.opcode == RESULT) {
        take_answer(&header, data, size);
        return MORE;
    }
    if (own) {
        *own = call;
        return OWN;
    }
    int leave = call.tag == (word)run_program_wrapper;
    if (leave)
        wait_for_main();
    hand_over(&call);
    return leave ? LEAVE : MORE;
}

/* All requests fail from now on. */
static void line_is_gone(void)
{
    pthread_mutex_lock(&lock);
    gone = 1;
    for (; requests; requests = requests->next) {
        requests->answer = out_of_band("disconnecting");
        requests->done = 1;
        pthread_cond_signal(&requests->wake);
    }
    pthread_mutex_unlock(&lock);
}

/* The line has ended: calls that run may end, too, but not for ever. */
static void finish_calls(void)
{
    line_is_gone();
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += GRACE;
    pthread_mutex_lock(&lock);
    while (busy && pthread_cond_timedwait(&rest, &lock, &end) != ETIMEDOUT)
        ;
    if (busy)
        _exit(1);
    quit = 1;
    pthread_mutex_unlock(&lock);
    eventfd_write(main_event, 1);
}

/* While the main thread is busy, or cannot get rid of an answer. */
static void *listen_to_controller(void *argument)
{
    (void)argument;
    struct timespec pause = {0, BACK_OFF};
    struct pollfd here[2] = {{line.in, POLLIN, 0}, {stop_event, POLLIN, 0}};
    int next = MORE;
    while (next == MORE) {
        poll(here, 2, -1);
        if (here[1].revents)
            return 0;
        if (main_idle)
            nanosleep(&pause, 0);
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

static word nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (word)now.tv_sec * 1000000000 + (word)now.tv_nsec;
}

/* LLVM 19's controller does not close its side of a socket before this side does, once it is done. */
static void wait_for_message(struct pollfd here[2])
{
    if (many_processors)
        for (word end = nanoseconds() + SPIN; nanoseconds() < end;)
            if (poll(here, 2, 0) > 0)
                return;
    while (poll(here, 2, line.is_socket && !attached ? IDLE_MILLISECONDS : -1) == 0)
        if (main_returned && !allocations && !busy) {
            main_returned = 0;
            shutdown(line.out, SHUT_WR);
        }
}

static int take_call(struct call *call)
{
    pthread_mutex_lock(&lock);
    int has_call = main_has_call;
    if (has_call) {
        *call = main_call;
        main_has_call = 0;
    }
    pthread_mutex_unlock(&lock);
    return has_call;
}

static void count_own_call(void)
{
    pthread_mutex_lock(&lock);
    main_idle = 0;
    busy++;
    pthread_mutex_unlock(&lock);
}

/* The next call for the main thread, handed over or read; 0 at the end. */
static int next_call(struct call *call)
{
    struct pollfd here[2] = {{line.in, POLLIN, 0}, {main_event, POLLIN, 0}};
    eventfd_t value;
    int got = 0;
    while (!got && !quit) {
        main_waits = 1;
        wait_for_message(here);
        if (here[1].revents)
            eventfd_read(main_event, &value);
        pthread_mutex_lock(&reading);
        if (take_call(call))
            got = 1;
        else if (!quit && poll(here, 1, 0) > 0) {
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

/* The process is the program's: void(word, word, word) at an address, then exit. Answered before it begins. */
struct result run_program_wrapper(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word function = read_word(&reader), a = read_word(&reader), b = read_word(&reader), c = read_word(&reader);
    if (reader.bad)
        give_up("a program without an address came");
    pthread_mutex_lock(&lock);
    program.function = function;
    program.arguments[0] = a, program.arguments[1] = b, program.arguments[2] = c;
    program.wanted = 1;
    pthread_mutex_unlock(&lock);
    struct result nothing = {{0}, 0};
    return nothing;
}

/* Before the controller hears of the program: it may close the line at once, which must not be taken for the end. */
static void end_listener(void *argument)
{
    (void)argument;
    eventfd_write(stop_event, 1);
    pthread_join(listener, 0);
}

static void run_program(void)
{
    program.running = 1;
    ((void (*)(word, word, word))program.function)(program.arguments[0], program.arguments[1], program.arguments[2]);
    exit(0);
}

/* In a program calls run in the thread that reads. */
static void wait_in_program(struct request *request)
{
    struct call call;
    while (!request->done) {
        int next = next_message(&call);
        if (next == OWN)
            run(&call, 0, 0);
        else if (next == END)
            line_is_gone();
    }
}

struct result dispatch(void *context, const void *tag, const char *data, size_t size)
{
    (void)context;
    struct request request = {.wake = PTHREAD_COND_INITIALIZER};
    if (program.running)
        pthread_mutex_lock(&reading);
    pthread_mutex_lock(&lock);
    if (gone) {
        request.answer = out_of_band("disconnecting");
        request.done = 1;
    } else {
        request.number = next_number++;
        request.next = requests;
        requests = &request;
    }
    pthread_mutex_unlock(&lock);
    if (!request.done && !send_frame(CALL, request.number, (word)tag, data, size))
        line_is_gone();
    if (program.running) {
        wait_in_program(&request);
        pthread_mutex_unlock(&reading);
    } else {
        pthread_mutex_lock(&lock);
        while (!request.done)
            pthread_cond_wait(&request.wake, &lock);
        pthread_mutex_unlock(&lock);
    }
    return request.answer;
}

/* A child that the program forks has no line: the controller must see this process end, and hear from it alone. */
static void in_child(void)
{
    close(line.in);
    if (line.out != line.in)
        close(line.out);
    gone = 1;
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
    main_idle = 1;
}

void serve(void)
{
    struct call call;
    prepare();
    pthread_atfork(0, 0, in_child);
    send_setup();
    start_listener();
    while (next_call(&call)) {
        run(&call, call.tag == (word)run_program_wrapper ? end_listener : main_rests, 0);
        if (program.wanted)
            run_program();
    }
    shut_down_shared_memory();
    shut_down_memory();
    exit(0);
}
