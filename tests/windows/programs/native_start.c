/* The start of a native program of Microsoft's kind, without Microsoft's C runtime: what its start files do, over msvcrt.
 * lld-link links it to the programs that uruk's are compared with. */

typedef unsigned long long size_t;
typedef void function(void);
typedef void __stdcall callback(void *, unsigned, void *);

__declspec(dllimport) void *_onexit(function *run);
__declspec(dllimport) __declspec(noreturn) void exit(int status);
__declspec(dllimport) int __getmainargs(int *argc, char ***argv, char ***environment, int wildcards, int *mode);
__declspec(dllimport) void AcquireSRWLockExclusive(void **lock), ReleaseSRWLockExclusive(void **lock);
__declspec(dllimport) void Sleep(unsigned milliseconds);
int main(int argc, char **argv, char **environment);

__declspec(allocate(".CRT$XIA")) function *const first_of_c = 0;
__declspec(allocate(".CRT$XIZ")) function *const end_of_c = 0;
__declspec(allocate(".CRT$XCA")) function *const first_of_cxx = 0;
__declspec(allocate(".CRT$XCZ")) function *const end_of_cxx = 0;
__declspec(allocate(".CRT$XLA")) callback *const first_callback = 0;
__declspec(allocate(".CRT$XLZ")) callback *const end_of_callbacks = 0;
__declspec(allocate(".tls")) char first_of_template = 0;
__declspec(allocate(".tls$ZZZ")) char end_of_template = 0;
unsigned _tls_index;
struct {
    void *start, *end, *index, *callbacks;
    unsigned zeros, flags;
} const _tls_used = {&first_of_template, &end_of_template, &_tls_index, (void *)(&first_callback + 1), 0, 0x500000};

int atexit(function *run)
{
    return _onexit(run) ? 0 : -1;
}

static void *lock;
static int epoch = (int)0x80000000;

void uruk_rt_static_begin(volatile int *guard)
{
    for (;; Sleep(1)) {
        AcquireSRWLockExclusive(&lock);
        int waits = *guard == -1;
        if (*guard == 0)
            *guard = -1, waits = 0;
        ReleaseSRWLockExclusive(&lock);
        if (!waits)
            return;
    }
}

void uruk_rt_static_end(volatile int *guard)
{
    AcquireSRWLockExclusive(&lock);
    *guard = ++epoch;
    ReleaseSRWLockExclusive(&lock);
}

void uruk_rt_static_abort(volatile int *guard)
{
    AcquireSRWLockExclusive(&lock);
    *guard = 0;
    ReleaseSRWLockExclusive(&lock);
}

static void run(function *const *next, function *const *end)
{
    for (; next < end; next++)
        if (*next)
            (*next)();
}

void mainCRTStartup(void)
{
    int argc, mode = 0;
    char **argv, **environment;
    __getmainargs(&argc, &argv, &environment, 0, &mode);
    run(&first_of_c, &end_of_c);
    run(&first_of_cxx, &end_of_cxx);
    int status = main(argc, argv, environment);
    for (callback *const *next = &first_callback + 1; next < &end_of_callbacks; next++)
        if (*next)
            (*next)(0, 0, 0); /* the first thread's thread-locals go before what atexit was given */
    exit(status);
}
