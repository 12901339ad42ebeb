/* Frames, over the line that the system has. */

#include "executor.h"

#include <string.h>

static struct lock sending;

static int send_locked(word opcode, word number, word tag, const void *data, size_t size)
{
    struct header header = {sizeof header + size, opcode, number, tag};
    return write_line(&header, data, size);
}

int send_frame(word opcode, word number, word tag, const void *data, size_t size)
{
    take_lock(&sending);
    int sent = send_locked(opcode, number, tag, data, size);
    give_lock(&sending);
    return sent;
}

int send_last_words(const char *text)
{
    static char payload[512]; /* of who has the lock: little of the stack may be left */
    word length = strlen(text);
    int tries = 100;
    if (length > sizeof payload - 9)
        return 0;
    while (!try_lock(&sending)) { /* its holder may be the thread that crashed */
        if (!tries--)
            return 0;
        pause_for(1000000);
    }
    payload[0] = 1;
    memcpy(payload + 1, &length, sizeof length);
    memcpy(payload + 9, text, length);
    int sent = send_locked(HANGUP, 0, 0, payload, 9 + length);
    give_lock(&sending);
    return sent;
}

static const char cut_short[] = "the line ended in the middle of a message";

int read_header(struct header *header)
{
    size_t got = read_line(header, sizeof *header);
    if (got && got < sizeof *header)
        give_up(cut_short);
    return got == sizeof *header;
}

void read_payload(void *data, size_t size)
{
    if (read_line(data, size) < size)
        give_up(cut_short);
}

void store_payload(word place, size_t size)
{
    int refused;
    if (store_line((void *)place, size, &refused) < size)
        give_up(refused ? "a write to memory that is not writable came" : cut_short);
}
