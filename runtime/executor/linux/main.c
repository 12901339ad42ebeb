/* uruk's executor: runs what a controller in another process links, by LLVM's SimpleRemoteEPC.
 *
 *     uruk-executor filedescs=R,W | listen=HOST:PORT | serve=HOST:PORT  [report-crashes] [die-with-parent=PID]
 *
 * It only speaks the protocol, and offers what LLVM's controller needs at its start. All else (memory that is protected
 * page by page, thread-local storage, initialisers, ...) is the uruk runtime, which the controller links into it. */

#define _GNU_SOURCE
#include "linux.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* glibc gives libraries static thread-local storage only up to the alignment of the program's own. */
static _Thread_local volatile char aligned_storage __attribute__((aligned(64)));

static const char *after(const char *word, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(word, prefix, size) ? 0 : word + size;
}

static void die_with(int parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent && getppid() != parent)
        _exit(1); /* it died before */
}

int main(int count, char **words)
{
    int in = -1, out = -1;
    aligned_storage = 1;
    copy_data_at_fork(); /* before a program's handlers, so that the copy is made after these have run */
    for (int i = 1; i < count; i++) {
        const char *value;
        if ((value = after(words[i], "filedescs="))) {
            if (sscanf(value, "%d,%d", &in, &out) != 2 || in < 0 || out < 0)
                give_up("filedescs=IN,OUT is wanted");
        } else if ((value = after(words[i], "listen="))) {
            in = out = accept_connection(value, 0);
        } else if ((value = after(words[i], "serve="))) {
            in = out = accept_connection(value, 1);
        } else if ((value = after(words[i], "die-with-parent="))) {
            die_with(atoi(value));
        } else if (!strcmp(words[i], "report-crashes")) {
            report_crashes();
        }
    }
    if (in < 0)
        give_up("usage: uruk-executor filedescs=IN,OUT | listen=HOST:PORT | serve=HOST:PORT");
    open_line(in, out);
    serve();
}
