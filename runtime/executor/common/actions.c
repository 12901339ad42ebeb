/* Calls that come with an allocation: one half when it is finalized, the other when it is deallocated. Either may be
 * null. If one fails, what was done is undone. */

#include "executor.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_SIZE = 2 * (8 + 8) };

static int read_action(struct reader *reader, struct action *action)
{
    action->function = read_word(reader);
    struct text bytes = read_text(reader);
    action->data = malloc(bytes.size + 1);
    action->size = bytes.size;
    if (!action->data)
        return 0;
    if (bytes.size)
        memcpy(action->data, bytes.data, bytes.size);
    return 1;
}

/* 0 where they are malformed or there is no memory; nothing is kept then. */
int read_actions(struct reader *reader, struct actions *actions)
{
    word count = read_count(reader, LEAST_SIZE);
    actions->count = 0;
    actions->pairs = calloc(2 * count + 1, sizeof *actions->pairs);
    if (reader->bad || !actions->pairs) {
        free(actions->pairs);
        actions->pairs = 0;
        return 0;
    }
    actions->count = count;
    for (word i = 0; i < 2 * count; i++)
        if (!read_action(reader, &actions->pairs[i]) || reader->bad) {
            free_actions(actions);
            return 0;
        }
    return 1;
}

void free_actions(struct actions *actions)
{
    for (word i = 0; i < 2 * actions->count; i++)
        free(actions->pairs[i].data);
    free(actions->pairs);
    actions->pairs = 0;
    actions->count = 0;
}

/* 0, or why it failed. */
static char *run_one(const struct action *action)
{
    if (!action->function)
        return 0;
    struct result result = ((wrapper *)action->function)(action->data, action->size);
    struct reader reader = read_from(result_data(&result), result.size);
    char *problem = 0;
    if (!result.size) {
        problem = strdup(result.value.data ? result.value.data : "an action gave no result");
    } else if (read_byte(&reader)) {
        problem = read_string(&reader);
        if (!problem)
            problem = strdup("an action failed");
    }
    free_result(&result);
    return problem;
}

static void undo(struct actions *actions, word count)
{
    while (count--)
        free(run_one(&actions->pairs[2 * count + 1]));
}

char *run_finalize(struct actions *actions)
{
    for (word i = 0; i < actions->count; i++) {
        char *problem = run_one(&actions->pairs[2 * i]);
        if (problem) {
            undo(actions, i);
            free_actions(actions);
            return problem;
        }
    }
    return 0;
}

void run_deallocate(struct actions *actions)
{
    undo(actions, actions->count);
    free_actions(actions);
}
