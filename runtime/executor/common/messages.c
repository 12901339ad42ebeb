/* What the messages of the controller ask. */

#include "calls.h"
#include "requests.h"

#include <stdlib.h>

static const word LARGEST = (word)1 << 32;

/* Writes go from the line to where they belong, without a copy in between; a message of them may be large. */
static void write_from_line(const struct header *header, size_t size)
{
    word count, place[2];
    if (size < sizeof count)
        give_up("a write without a count came");
    read_payload(&count, sizeof count);
    size -= sizeof count;
    if (count > size / sizeof place)
        give_up("a write of impossible size came");
    while (count--) {
        if (size < sizeof place)
            give_up("a write of impossible size came");
        read_payload(place, sizeof place);
        size -= sizeof place;
        if (place[1] > size)
            give_up("a write of impossible size came");
        store_payload(place[0], place[1]);
        size -= place[1];
    }
    char rest[64];
    for (size_t part; size; size -= part) {
        part = size < sizeof rest ? size : sizeof rest;
        read_payload(rest, part);
    }
    send_frame(RESULT, header->number, 0, 0, 0);
}

static char *read_data(size_t size)
{
    char *data = malloc(size + 1);
    if (!data)
        give_up("no memory for a message");
    read_payload(data, size);
    return data;
}

int next_message(struct call *own)
{
    static int ended; /* of who reads: after a hangup nothing is read any more */
    struct header header;
    ended = ended || !read_header(&header);
    if (ended)
        return END;
    if (header.size < sizeof header || header.size > LARGEST)
        give_up("a message of impossible size came");
    if (header.opcode == SETUP || header.opcode > CALL)
        give_up("a message of unknown kind came");
    size_t size = header.size - sizeof header;
    if (header.opcode == CALL && header.tag == (word)write_buffers) {
        write_from_line(&header, size);
        return MORE;
    }
    struct call call = {header.number, header.tag, read_data(size), size};
    if (header.opcode == HANGUP) {
        free(call.data);
        ended = 1;
        return END;
    }
    if (header.opcode == RESULT) {
        take_answer(&header, call.data, size);
        return MORE;
    }
    if (own) {
        *own = call;
        return OWN;
    }
    int leave = call.tag == (word)run_program_wrapper;
    if (leave)
        wait_for_main();
    hand_over(&call);
    return leave ? LEAVE : MORE;
}
