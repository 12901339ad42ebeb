/* A stack overflow of linked code in this process is called one, before the process ends by its signal.
 *
 * Python knows the names of linked code. It is asked in a thread of its own: the stack that the handler runs on is small,
 * may be somebody else's, and is none that Python knows. Only the overflow of linked code, or of a library that linked
 * code called, gets that far. Nothing waits for ever: whoever holds what the thread needs (the C library's lock of the
 * heap, the interpreter) may be the thread that overflowed, and an alarm ends the process then, with what is known. */

#define _GNU_SOURCE
#include "signals.h"
#include "trampoline.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#define EXPORTED __attribute__((visibility("default")))

enum {
    NEAR = 1 << 16, /* what lies that close to the stack pointer is the stack's, and readable while there is any left */
    DEEPEST = 64,   /* frames of libraries between the overflow and linked code */
    PATIENCE = 2,   /* seconds for the name */
    TEXT = 512,
};

typedef void describe(uint64_t pc, char *text, uint64_t size);

static struct {
    _Atomic(describe *) describe; /* writes what lies at an address of linked code; nothing for other addresses */
    int (*has_interpreter)(void);     /* PyGILState_Check, PyEval_SaveThread, PyEval_RestoreThread */
    void *(*leave_interpreter)(void);
    void (*enter_interpreter)(void *);
    _Unwind_Reason_Code (*backtrace)(_Unwind_Trace_Fn, void *);
    uint64_t (*ip)(struct _Unwind_Context *);
} names;

static struct {
    _Atomic int begun;
    const char *file; /* of the library that overflowed; null for linked code */
    uint64_t code;    /* the linked code that overflowed, or called the library */
    char name[TEXT];  /* what lies there; empty where nobody knows */
} overflow;

/* Have stack overflows named by `function`; `interpreter` as in `names`. A null function: not any more. */
EXPORTED void uruk_rt_name_overflows(describe *function, const uint64_t *interpreter)
{
    if (function) {
        void *unwinder = dlopen("libgcc_s.so.1", RTLD_NOW);
        *(void **)&names.backtrace = unwinder ? dlsym(unwinder, "_Unwind_Backtrace") : NULL;
        *(void **)&names.ip = unwinder ? dlsym(unwinder, "_Unwind_GetIP") : NULL;
        names.has_interpreter = (int (*)(void))interpreter[0];
        names.leave_interpreter = (void *(*)(void))interpreter[1];
        names.enter_interpreter = (void (*)(void *))interpreter[2];
    }
    names.describe = function;
}

/* Whether a fault is the first access below a stack's end. */
static int is_overflow(const siginfo_t *info, const void *context)
{
    enum { LARGEST = 1 << 30 };
    uint64_t address = (uint64_t)info->si_addr, sp = sp_of(context);
    if ((info->si_code != SEGV_MAPERR && info->si_code != SEGV_ACCERR) || address == pc_of(context))
        return 0;
    if (address - sp + NEAR < 2 * NEAR)
        return 1;
    return address > sp && address - sp < LARGEST && !is_readable(sp); /* in a large frame, far from its end */
}

/* The file of the library that an address lies in; null for linked code, which is in none. */
static const char *file_of(uint64_t address)
{
    Dl_info info;
    if (!dladdr((void *)address, &info) || !strcmp(info.dli_fname, "uruk-slab"))
        return NULL;
    const char *slash = strrchr(info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

struct search {
    uint64_t pc; /* where the stack overflowed; 0 once the frames of this handler have been passed */
    int left;
};

static _Unwind_Reason_Code find_code(struct _Unwind_Context *context, void *data)
{
    struct search *search = data;
    uint64_t ip = names.ip(context);
    if (search->pc && ip != search->pc)
        return _URC_NO_REASON;
    search->pc = 0;
    if (!file_of(ip - 1)) { /* in the calling instruction */
        overflow.code = ip;
        return _URC_END_OF_STACK;
    }
    return --search->left ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* Find the linked code whose overflow it is: 0 if it is somebody else's. */
static int find_linked(uint64_t pc)
{
    struct search search = {pc, DEEPEST};
    overflow.file = file_of(pc);
    overflow.code = overflow.file ? 0 : pc;
    if (overflow.file && names.backtrace && names.ip)
        names.backtrace(find_code, &search);
    return overflow.code != 0;
}

static void say(void)
{
    static const char before[] = "uruk: stack overflow (SIGSEGV) in ";
    char text[sizeof before + 2 * TEXT], address[24];
    snprintf(address, sizeof address, "%#" PRIx64, overflow.code);
    snprintf(text, sizeof text, "%s%.*s%s%s\n", before, TEXT / 2, overflow.file ? overflow.file : "",
             overflow.file ? ", called from " : "", *overflow.name ? overflow.name : address);
    if (write(2, text, strlen(text)) < 0)
        return;
}

static void too_late(int number)
{
    sigset_t set;
    (void)number;
    say();
    signal(SIGSEGV, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV); /* which the handler that waits holds back */
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(SIGSEGV);
}

static void *ask(void *unused)
{
    describe *function = names.describe;
    if (function)
        function(overflow.code, overflow.name, sizeof overflow.name);
    return unused;
}

/* Have the name asked for in another thread, which can have the interpreter meanwhile. 0 if nobody was asked. */
static int find_name(void)
{
    pthread_t thread;
    void *state = names.has_interpreter() ? names.leave_interpreter() : NULL;
    int asked = !pthread_create(&thread, NULL, ask, NULL) && !pthread_join(thread, NULL);
    if (state)
        names.enter_interpreter(state);
    return asked;
}

/* Say that linked code overflowed the stack, if a fault was that, and where. */
__attribute__((visibility("hidden"))) void uruk_tell_overflow(const siginfo_t *info, const void *context)
{
    struct sigaction alarmed = {.sa_handler = too_late, .sa_flags = SA_ONSTACK}, before;
    sigset_t set, mask;
    if (!names.describe || !is_overflow(info, context) || atomic_exchange(&overflow.begun, 1))
        return;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigaction(SIGALRM, &alarmed, &before);
    unsigned left = alarm(PATIENCE);
    pthread_sigmask(SIG_UNBLOCK, &set, &mask);
    if (find_linked(pc_of(context)) && (!find_name() || *overflow.name))
        say(); /* what Python does not know is code of others' */
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    alarm(left);
    sigaction(SIGALRM, &before, NULL);
    overflow.begun = 0;
}
