/* What the common part of the runtime takes from a system; see runtime/linux/process.c. */

#include <stdint.h>

#define OF_SYSTEM __attribute__((visibility("hidden")))

/* The calling thread's own two words, ~0 and 0 at first, without thread-local storage: the runtime is linked before there
 * is any. Threads for which there is no memory share them. */
uint64_t *uruk_thread_word(void) OF_SYSTEM;

/* Have a function called in the children that this process forks. 0, or an errno. */
int64_t uruk_at_fork(void (*in_child)(void)) OF_SYSTEM;

/* Call a function as uruk_invoke does. `catches`: an exception that leaves it ends here, and is returned; otherwise 0. */
uint64_t uruk_invoke_guarded(uint64_t function, void *registers, const uint64_t *stack, uint64_t count, int catches)
    OF_SYSTEM;

void uruk_say(const char *text) OF_SYSTEM; /* on standard error */
void uruk_abort(void) OF_SYSTEM __attribute__((noreturn));

/* The thread's number of the last error: errno, or what GetLastError returns. */
int uruk_last_error(void) OF_SYSTEM;
void uruk_set_last_error(int number) OF_SYSTEM;

/* Copy bytes between memory of this process's own and an address that may be anything. 0, or -1 where something there
 * cannot be read or written: what came before it is copied. */
int uruk_read_memory(void *own, uint64_t address, uint64_t size) OF_SYSTEM;
int uruk_write_memory(uint64_t address, const void *own, uint64_t size) OF_SYSTEM;
