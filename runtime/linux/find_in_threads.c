/* Find out whether any thread of this process is in some code, or will return to it: each looks through its own
 * registers and stack for words that are addresses there.
 *
 * A thread is interrupted for that by a signal, whose frame has its registers. The threads need not stop at the same
 * time: nothing hands addresses in the code from one thread to another, so that a thread which has none at some moment
 * gets none later. The signal is one that the C library keeps for itself (its setuid() interrupts threads by it), as
 * programs cannot block that; what comes from there is passed on.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define MAPS_BUFFER 512 /* on the stacks of threads that are interrupted anywhere */
#include "maps.h"

#define EXPORTED __attribute__((visibility("default")))
#define load(place) __atomic_load_n(place, __ATOMIC_SEQ_CST)
#define store(place, value) __atomic_store_n(place, value, __ATOMIC_SEQ_CST)

typedef uint64_t word;

enum {
    SIGNAL = 33, /* SIGSETXID of glibc */
    MOST_THREADS = 2048,
    EMULATORS = 8,
    STEP = 50 * 1000,       /* nanoseconds between two looks */
    DOUBTFUL = 400,         /* after so many a thread that did not answer is looked at */
    LONGEST = 20 * 1000,    /* after so many it counts as one that cannot be interrupted */
    MAGIC = 0x7275, /* tells these signals from others */
};

struct range {
    word start, size;
};

struct kernel_action { /* the kernel's, which the C library has no function for: it refuses its own signals */
    void (*handler)(int, siginfo_t *, void *);
    word flags;
    void (*restorer)(void);
    word mask;
};

enum state { ASKED = 1, DONE, GONE };

static struct {
    word generation; /* of the search; 0 between searches. A late signal has another one */
    word inside;     /* threads that look now */
    const struct range *ranges;
    word count, low, high;
    unsigned char *marks;
    word failed;
    struct {
        int tid, state;
    } threads[MOST_THREADS];
} search;

static struct kernel_action before; /* what the signal did */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int of_emulator[EMULATORS]; /* threads that this process does not know of */
static unsigned emulators;

#if defined __x86_64__
#define ADDRESS_BITS (~(word)0)
__asm__(".text\n.type uruk_restore, @function\n.hidden uruk_restore\nuruk_restore:\n\tmovq $15, %rax\n\tsyscall\n"
        ".size uruk_restore, .-uruk_restore\n");
extern void uruk_restore(void);
enum { FLAGS = SA_SIGINFO | SA_RESTART | 0x04000000 }; /* SA_RESTORER */
#define RESTORER uruk_restore
#else
#define ADDRESS_BITS (~(word)0 >> 16) /* above these a return address may have its signature (-mbranch-protection) */
enum { FLAGS = SA_SIGINFO | SA_RESTART };
#define RESTORER 0
#endif

/* The end of the mapping that an address is in; 0 if there is none. */
static word mapping_end(word address)
{
    struct maps maps = {.file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    word found = 0;
    if (maps.file < 0)
        return 0;
    for (int byte = 0; byte >= 0 && !found;) {
        word start, stop;
        if (next_number(&maps, &start) != '-' || next_number(&maps, &stop) != ' ')
            break;
        if (address >= start && address < stop)
            found = stop;
        while ((byte = next_byte(&maps)) >= 0 && byte != '\n')
            ;
    }
    close(maps.file);
    return found;
}

/* The end of the stack that the calling thread is on; 0 if that is none that the C library made. */
static word stack_end(word here)
{
    word own = (word)__builtin_thread_pointer(), end = mapping_end(here);
    if (own > here && own < end) /* the thread's descriptor is at the top of its stack */
        return own;
    extern void *__libc_stack_end;
    return (word)__libc_stack_end >= here && (word)__libc_stack_end < end ? end : 0;
}

static void look_at(word value)
{
    value &= ADDRESS_BITS;
    if (value < search.low || value > search.high)
        return;
    for (word row = 0; row < search.count; row++)
        /* the end as well: behind a call that never returns there may be nothing */
        if (value - search.ranges[row].start <= search.ranges[row].size)
            store(&search.marks[row], 1);
}

static void look_through(word here)
{
    word end = stack_end(here);
    if (!end)
        store(&search.failed, 1);
    for (const word *at = (const word *)(here & -(word)8); (word)at + 8 <= end; at++)
        look_at(*(const volatile word *)at);
}

/* The registers of a thread that was interrupted, and its stack. Not the rest of the signal's frame: where vector
 * registers are unused it has what was on the stack before. */
static void look_through_interrupted(const ucontext_t *context)
{
#if defined __x86_64__
    const greg_t *registers = context->uc_mcontext.gregs;
    word stack = (word)registers[REG_RSP];
    for (int number = REG_R8; number <= REG_RIP; number++)
        look_at((word)registers[number]);
#else
    word stack = context->uc_mcontext.sp;
    look_at(context->uc_mcontext.pc);
    for (int number = 0; number < 31; number++)
        look_at(context->uc_mcontext.regs[number]);
#endif
    look_through(stack);
}

static void interrupted(int number, siginfo_t *info, void *context)
{
    word value = (word)info->si_value.sival_ptr;
    if (info->si_code != SI_QUEUE || value >> 48 != MAGIC) {
        if (before.handler && before.handler != (void *)SIG_IGN)
            before.handler(number, info, context);
        return;
    }
    int kept = errno;
    __atomic_fetch_add(&search.inside, 1, __ATOMIC_SEQ_CST);
    if (load(&search.generation) == (value >> 16 & 0xffffffff)) {
        look_through_interrupted(context);
        store(&search.threads[value & 0xffff].state, DONE);
    }
    __atomic_fetch_sub(&search.inside, 1, __ATOMIC_SEQ_CST);
    errno = kept;
}

/* Whether a thread is one that never answers, and need not: it has ended, or it is the emulator's. 33 is pending under
 * that number unless an emulator has given it another one. */
static int needs_no_answer(int tid)
{
    char path[64] = "/proc/self/task/", text[2048], *at = path + strlen(path);
    char digits[12], *digit = digits + sizeof digits;
    *--digit = 0;
    for (int rest = tid; rest; rest /= 10)
        *--digit = (char)('0' + rest % 10);
    strcpy(at, digit);
    strcat(path, "/status");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 1;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    if (got <= 0)
        return 1;
    text[got] = 0;
    const char *state = strstr(text, "State:\t"), *pending = strstr(text, "SigPnd:\t");
    if (state && (state[7] == 'Z' || state[7] == 'X'))
        return 1;
    word bits = 0;
    for (pending = pending ? pending + 8 : ""; *pending && *pending != '\n'; pending++)
        bits = bits << 4 | (word)(*pending <= '9' ? *pending - '0' : *pending - 'a' + 10);
    if (!(bits >> 33) || bits >> (SIGNAL - 1) & 1)
        return 0;
    if (emulators < EMULATORS)
        of_emulator[emulators++] = tid;
    return 1;
}

static int ask(word index, int tid)
{
    siginfo_t info = {.si_signo = SIGNAL, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = (void *)((word)MAGIC << 48 | search.generation << 16 | index);
    search.threads[index].tid = tid;
    store(&search.threads[index].state, ASKED);
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGNAL, &info) == 0)
        return 0;
    store(&search.threads[index].state, GONE);
    return errno == ESRCH ? 0 : -1;
}

static int is_known(word count, int tid)
{
    for (unsigned row = 0; row < emulators; row++)
        if (of_emulator[row] == tid)
            return 1;
    for (word row = 0; row < count; row++)
        if (search.threads[row].tid == tid)
            return 1;
    return 0;
}

/* Ask the threads that were not asked yet; returns how many that were, or -1. */
static int64_t ask_new(word *count, int own)
{
    struct entry {
        word inode, offset;
        unsigned short length;
        unsigned char type;
        char name[];
    };
    int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t new = folder < 0 ? -1 : 0;
    _Alignas(8) char bytes[4096];
    int64_t got;
    while (new >= 0 && (got = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0)
        for (int64_t at = 0; at < got && new >= 0;) {
            struct entry *entry = (struct entry *)(bytes + at);
            int tid = 0;
            for (const char *digit = entry->name; *digit >= '0' && *digit <= '9'; digit++)
                tid = 10 * tid + (*digit - '0');
            at += entry->length;
            if (!tid || tid == own || is_known(*count, tid))
                continue;
            new = *count == MOST_THREADS || ask(*count, tid) ? -1 : new + 1;
            *count += new >= 0;
        }
    if (folder >= 0)
        close(folder);
    return new;
}

/* Wait for the answers of all threads; 0, or -1 if one cannot be interrupted. */
static int wait_for(word count)
{
    struct timespec step = {.tv_nsec = STEP};
    for (int looks = 0; looks < LONGEST; looks++) {
        word left = 0;
        for (word row = 0; row < count; row++) {
            if (load(&search.threads[row].state) != ASKED)
                continue;
            if (looks >= DOUBTFUL && looks % DOUBTFUL == 0 && needs_no_answer(search.threads[row].tid))
                store(&search.threads[row].state, GONE);
            else
                left++;
        }
        if (!left)
            return 0;
        nanosleep(&step, 0);
    }
    return -1;
}

static int install(void)
{
    struct kernel_action now, own = {interrupted, FLAGS, RESTORER, ~(word)0};
    if (syscall(SYS_rt_sigaction, SIGNAL, 0, &now, 8))
        return -1;
    if (now.handler == interrupted)
        return 0;
    before = now; /* the handler stays: a late signal must find it */
    return (int)syscall(SYS_rt_sigaction, SIGNAL, &own, 0, 8);
}

/* The calling thread's own registers, and the rest of its stack. */
__attribute__((noinline)) static void look_here(void)
{
    __builtin_unwind_init();
    volatile word here = 0; /* below the saved registers, or beside them */
    look_through((word)&here - 64);
}

/* For each range 1 in `marks` if a thread has an address in it, or behind its last byte. -1 where a thread cannot be
 * looked through: it is on a stack that is not the C library's, or does not take signals. */
EXPORTED int64_t uruk_rt_find_in_threads(const struct range *ranges, word count, unsigned char *marks)
{
    static word generation;
    word asked = 0;
    int64_t new = 0;
    pthread_mutex_lock(&one_at_a_time);
    search.ranges = ranges;
    search.count = count;
    search.marks = marks;
    search.failed = 0;
    search.low = ~(word)0;
    search.high = 0;
    for (word row = 0; row < count; row++) {
        word end = ranges[row].start + ranges[row].size;
        search.low = ranges[row].start < search.low ? ranges[row].start : search.low;
        search.high = end > search.high ? end : search.high;
    }
    generation = generation % 0xfffffff + 1;
    store(&search.generation, generation);
    look_here();
    if (install())
        new = -1;
    /* threads that are begun meanwhile are found by another look */
    while (new >= 0 && (new = ask_new(&asked, (int)syscall(SYS_gettid))) > 0)
        if (wait_for(asked))
            new = -1;
    store(&search.generation, 0);
    while (load(&search.inside))
        nanosleep(&(struct timespec){.tv_nsec = STEP}, 0);
    new = new < 0 || load(&search.failed) ? -1 : 0;
    pthread_mutex_unlock(&one_at_a_time);
    return new;
}
