/* The variables of std::call_once, under libstdc++'s names, and the function that pthread_once calls.
 *
 * Default g++ code reaches libstdc++'s thread-locals by initial-exec, which needs static storage. Where a thread has
 * already made libstdc++'s dynamic, linked code gets this private set: both variables and the function together. */

/* Static from the start: code that comes later may reach them by initial-exec, too. */
#define ONCE __attribute__((visibility("hidden"), tls_model("initial-exec")))

__thread void *once_callable __asm__("_ZSt15__once_callable") ONCE;
__thread void (*once_call)(void) __asm__("_ZSt11__once_call") ONCE;

void __once_proxy(void) __attribute__((visibility("hidden")));

void __once_proxy(void)
{
    once_call();
}
