/* A call into removed code that Python made: the call ends with an exception there, and the process goes on.
 *
 * The jump to the removed function faults (removed.c). It faults at its first instruction, so that the thread
 * is in the state in which a function begins; the handler lets it go on in `uruk_removed_call`, as if that were what was
 * called. From there the stack is unwound, with its cleanups, up to libffi's call of linked code, or python_call.c's, which returns 0, and
 * Python raises what was put into its thread meanwhile. Frames of Python's own are never unwound: where any lies between
 * the fault and the nearest such call, or where a frame has no unwind data, the process ends. */

#define _GNU_SOURCE
#include "signals.h"
#include "trampoline.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#define EXPORTED __attribute__((visibility("default")))

enum { KINDS = 2, THREADS = 64 }; /* libffi of cffi and that of ctypes; threads that raise at the same moment */
enum { CALLS = 64 };              /* at most so many places of python_call.c call linked code */

static struct {
    _Atomic int ready;
    uint64_t returns[KINDS]; /* where libffi goes on when linked code returns */
    void *objects[KINDS + 1]; /* the shared objects, or the program, of libffi and of the interpreter */
    int (*ensure)(void);      /* PyGILState_Ensure, PyGILState_Release, PyThreadState_SetAsyncExc */
    void (*release)(int);
    int (*raise)(uint64_t, void *);
    void *exception;
    _Unwind_Reason_Code (*backtrace)(_Unwind_Trace_Fn, void *);
    _Unwind_Reason_Code (*unwind)(struct _Unwind_Exception *, _Unwind_Stop_Fn, void *);
    uint64_t (*ip)(struct _Unwind_Context *), (*cfa)(struct _Unwind_Context *);
    uint64_t (*reg)(struct _Unwind_Context *, int);
} way_out;

static struct {
    _Atomic uint64_t thread; /* 0: free */
    char text[REMOVED_TEXT];
} raised[THREADS];

/* The address to which its caller goes on: called through libffi, that is the one place from which libffi calls. */
EXPORTED uint64_t uruk_rt_return_address(void)
{
    return (uint64_t)__builtin_return_address(0);
}

static struct {
    _Atomic int count;
    uint64_t returns[CALLS];
} own_calls;

/* Note that its caller is uruk's own code that calls functions for Python: calls of removed code may end there as well. */
EXPORTED uint64_t uruk_rt_note_return(void)
{
    uint64_t address = (uint64_t)__builtin_return_address(0);
    for (int i = 0; i < own_calls.count; i++)
        if (own_calls.returns[i] == address)
            return 0;
    if (own_calls.count < CALLS) {
        own_calls.returns[own_calls.count] = address;
        own_calls.count++; /* last: a fault in another thread may look at once */
    }
    return 0;
}

static int is_call_of_python(uint64_t address)
{
    for (int i = 0; i < KINDS; i++)
        if (address == way_out.returns[i])
            return 1;
    for (int i = 0; i < own_calls.count; i++)
        if (address == own_calls.returns[i])
            return 1;
    return 0;
}

static void *object_of(uint64_t address)
{
    Dl_info info;
    return dladdr((void *)address, &info) ? info.dli_fbase : NULL;
}

/* Say how Python raises `exception` in one of its threads, and where its libraries' calls of linked code return to.
 * 0, or -1 where there is no libgcc, which unwinds. */
EXPORTED int64_t uruk_rt_raise_removed(const uint64_t *returns, const uint64_t *functions, void *exception)
{
    void *unwinder = dlopen("libgcc_s.so.1", RTLD_NOW);
    if (!unwinder)
        return -1;
    for (int i = 0; i < KINDS; i++)
        way_out.objects[i] = object_of(way_out.returns[i] = returns[i]);
    way_out.objects[KINDS] = object_of(functions[0]);
    way_out.ensure = (int (*)(void))functions[0];
    way_out.release = (void (*)(int))functions[1];
    way_out.raise = (int (*)(uint64_t, void *))functions[2];
    way_out.exception = exception;
    *(void **)&way_out.backtrace = dlsym(unwinder, "_Unwind_Backtrace");
    *(void **)&way_out.unwind = dlsym(unwinder, "_Unwind_ForcedUnwind");
    *(void **)&way_out.ip = dlsym(unwinder, "_Unwind_GetIP");
    *(void **)&way_out.cfa = dlsym(unwinder, "_Unwind_GetCFA");
    *(void **)&way_out.reg = dlsym(unwinder, "_Unwind_GetGR");
    way_out.ready = way_out.backtrace && way_out.unwind && way_out.ip && way_out.cfa && way_out.reg;
    return way_out.ready ? 0 : -1;
}

/* Where a thread's text is; with 0 as the thread, a free place, which then is the current thread's. -1: there is none. */
static int place_of(uint64_t thread)
{
    for (int i = 0; i < THREADS; i++) {
        uint64_t owner = thread;
        if (atomic_compare_exchange_strong(&raised[i].thread, &owner, (uint64_t)pthread_self()))
            return i;
    }
    return -1;
}

/* The last text counts: C code may call several times before Python raises what the first call left. */
static void keep_text(const char *text)
{
    int place = place_of((uint64_t)pthread_self());
    if (place < 0)
        place = place_of(0);
    if (place >= 0)
        memcpy(raised[place].text, text, REMOVED_TEXT);
}

/* Hand out, once, the text of what the current thread called. */
EXPORTED int64_t uruk_rt_take_removed(char *text)
{
    int place = place_of((uint64_t)pthread_self());
    if (place < 0)
        return 0;
    memcpy(text, raised[place].text, REMOVED_TEXT);
    raised[place].thread = 0;
    return 1;
}

static _Unwind_Reason_Code find_call(struct _Unwind_Context *context, void *found)
{
    uint64_t ip = way_out.ip(context);
    if (is_call_of_python(ip)) {
        *(uint64_t *)found = ip;
        return _URC_END_OF_STACK;
    }
    void *object = object_of(ip);
    for (int i = 0; i <= KINDS; i++)
        if (object == way_out.objects[i])
            return _URC_END_OF_STACK;
    return _URC_NO_REASON;
}

#if defined __x86_64__

/* The numbers of registers that a call preserves (x86-64 psABI, figure 3.36): rbx, rbp, r12 to r15. */
static const int preserved[] = {3, 6, 12, 13, 14, 15};

/* Go on where a call returns: `state` holds the preserved registers, the stack pointer, the address. The result is 0. */
__attribute__((noreturn)) static void go_on(const uint64_t *state)
{
    __asm__ volatile("movq (%0), %%rbx\n\t"
                     "movq 8(%0), %%rbp\n\t"
                     "movq 16(%0), %%r12\n\t"
                     "movq 24(%0), %%r13\n\t"
                     "movq 32(%0), %%r14\n\t"
                     "movq 40(%0), %%r15\n\t"
                     "movq 56(%0), %%rcx\n\t"
                     "movq 48(%0), %%rsp\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "xorl %%edx, %%edx\n\t"
                     "xorps %%xmm0, %%xmm0\n\t"
                     "xorps %%xmm1, %%xmm1\n\t"
                     "cld\n\t"
                     "jmp *%%rcx" ::"D"(state)
                     : "memory");
    __builtin_unreachable();
}

static void enter(ucontext_t *context, uint64_t function, uint64_t argument)
{
    context->uc_mcontext.gregs[REG_RDI] = (greg_t)argument;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)function;
}

#elif defined __aarch64__

/* x19 to x29, and d8 to d15, whose numbers begin with 64 (AADWARF64, table 1). */
static const int preserved[] = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 72, 73, 74, 75, 76, 77, 78, 79};

__attribute__((noreturn)) static void go_on(const uint64_t *state)
{
    register const uint64_t *from __asm__("x9") = state;
    __asm__ volatile("ldp x19, x20, [x9]\n\t"
                     "ldp x21, x22, [x9, #16]\n\t"
                     "ldp x23, x24, [x9, #32]\n\t"
                     "ldp x25, x26, [x9, #48]\n\t"
                     "ldp x27, x28, [x9, #64]\n\t"
                     "ldr x29, [x9, #80]\n\t"
                     "ldp d8, d9, [x9, #88]\n\t"
                     "ldp d10, d11, [x9, #104]\n\t"
                     "ldp d12, d13, [x9, #120]\n\t"
                     "ldp d14, d15, [x9, #136]\n\t"
                     "ldp x10, x30, [x9, #152]\n\t"
                     "mov sp, x10\n\t"
                     "mov x0, xzr\n\t"
                     "mov x1, xzr\n\t"
                     "movi v0.2d, #0\n\t"
                     "movi v1.2d, #0\n\t"
                     "movi v2.2d, #0\n\t"
                     "movi v3.2d, #0\n\t"
                     "ret" ::"r"(from)
                     : "memory");
    __builtin_unreachable();
}

static void enter(ucontext_t *context, uint64_t function, uint64_t argument)
{
    context->uc_mcontext.regs[0] = argument;
    context->uc_mcontext.pc = function;
}

#endif

enum { PRESERVED = sizeof preserved / sizeof *preserved };

struct leaving {
    struct _Unwind_Exception exception;
    uint64_t call; /* where the call of libffi's returns to */
    char text[REMOVED_TEXT];
};

static void raise_in_python(const struct leaving *leaving)
{
    int before = way_out.ensure();
    keep_text(leaving->text);
    way_out.raise((uint64_t)pthread_self(), way_out.exception);
    way_out.release(before);
}

/* At each frame, before its cleanups: the frame of libffi's call is where it ends. */
static _Unwind_Reason_Code at_frame(int version, _Unwind_Action actions, _Unwind_Exception_Class kind,
                                    struct _Unwind_Exception *exception, struct _Unwind_Context *context, void *data)
{
    struct leaving *leaving = data;
    uint64_t state[PRESERVED + 2];
    (void)version, (void)kind, (void)exception;
    if (way_out.ip(context) != leaving->call)
        return actions & _UA_END_OF_STACK ? _URC_FATAL_PHASE2_ERROR : _URC_NO_REASON;
    for (int i = 0; i < PRESERVED; i++)
        state[i] = way_out.reg(context, preserved[i]);
    state[PRESERVED] = way_out.cfa(context); /* the stack pointer once the frame below has returned */
    state[PRESERVED + 1] = leaving->call;
    raise_in_python(leaving);
    free(leaving);
    go_on(state);
}

/* C++ code caught it by `catch (...)`, and goes on: what it called is said at least. */
static void caught(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception)
{
    (void)reason;
    uruk_say_removed(((struct leaving *)exception)->text); /* its first member */
    free(exception);
}

/* What runs in the place of a removed function: it does not return. */
static void uruk_removed_call(const struct removed *removed)
{
    uint64_t call = 0, address = removed->start;
    struct leaving *leaving = calloc(1, sizeof *leaving);
    if (leaving)
        way_out.backtrace(find_call, &call);
    if (call) {
        memcpy(&leaving->exception.exception_class, "URUKREMV", 8);
        leaving->exception.exception_cleanup = caught;
        leaving->call = call;
        memcpy(leaving->text, removed->text, REMOVED_TEXT);
        way_out.unwind(&leaving->exception, at_frame, leaving); /* returns only where a frame cannot be unwound */
    }
    uruk_tell_removed(address);
    uruk_leave_faults(); /* the next fault, at the removed address, is everybody else's */
    ((void (*)(void))address)();
}

/* Whether a fault was a call of removed code, which is to end in Python; then the thread goes on accordingly. */
__attribute__((visibility("hidden"))) int uruk_enter_removed(const siginfo_t *info, void *context)
{
    uint64_t pc = pc_of(context);
    if (!way_out.ready || (uint64_t)info->si_addr != pc)
        return 0;
    struct removed *removed = uruk_find_removed(pc);
    if (!removed || removed->start != pc) /* not at the beginning of a function: a return into it, a stray jump */
        return 0;
    enter(context, (uint64_t)uruk_removed_call, (uint64_t)removed);
    return 1;
}
