/* Code that was removed though other code refers to it: its pages cannot be accessed, and a fault there says what it was
 * before the process ends, unless it is a call that Python made (removed_calls.c). In other processes than the
 * controller's the fault is reported, and the controller says it. */

#define _GNU_SOURCE
#include "signals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static _Atomic(struct removed *) all;

extern void uruk_rt_run_trampolines(void);

static struct removed *unused(void)
{
    struct removed *one = all;
    while (one && one->end)
        one = one->next;
    if (!one && (one = calloc(1, sizeof *one))) {
        one->next = all;
        all = one;
    }
    return one;
}

/* What lies in [start, end) is gone; `text` names it. One caller at a time. 0, or -1 when there is no memory. */
EXPORTED int64_t uruk_rt_note_removed(uint64_t start, uint64_t end, const char *text)
{
    struct removed *one = unused();
    if (!one)
        return -1;
    strncpy(one->text, text, sizeof one->text - 1);
    one->start = start;
    one->end = end;
    uruk_rt_run_trampolines();
    return 0;
}

/* Other code may be in [start, end) from now on. */
EXPORTED void uruk_rt_forget_removed(uint64_t start, uint64_t end)
{
    for (struct removed *one = all; one; one = one->next)
        if (one->start >= start && one->end <= end)
            one->start = one->end = 0;
}

/* What was removed at an address; NULL if nothing was. */
struct removed *uruk_find_removed(uint64_t address)
{
    struct removed *removed = all;
    while (removed && !(removed->start <= address && address < removed->end))
        removed = removed->next;
    return removed;
}

/* Say that code used what a text names. */
void uruk_say_removed(const char *text)
{
    static const char before[] = "uruk: code used ", behind[] = ", which was removed\n";
    char line[REMOVED_TEXT + sizeof before + sizeof behind];
    strcpy(line, before);
    strcat(line, text);
    strcat(line, behind);
    if (write(2, line, strlen(line)) < 0)
        return;
}

/* Say what lay at the address of a fault, if it was removed. */
void uruk_tell_removed(uint64_t address)
{
    struct removed *removed = uruk_find_removed(address);
    if (removed)
        uruk_say_removed(removed->text);
}
