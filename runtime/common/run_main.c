/* Run a linked program's main in this process. */

#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

typedef int main_function(int, char **, char **);

/* What main returns. */
EXPORTED int uruk_rt_run_main(main_function *entry, int argc, char **argv, char **envp)
{
    return entry(argc, argv, envp);
}

/* End the process as a C program's start-up code does: exit(main(...)). */
EXPORTED void uruk_rt_exit_main(main_function *entry, int argc, char **argv, char **envp)
{
    exit(entry(argc, argv, envp));
}
