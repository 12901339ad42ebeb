/* Requests to the controller, and its answers. */

#include "requests.h"

static struct lock lock;
static struct request *requests;
static word next_number;
static int gone; /* the line is */

void add_request(struct request *request)
{
    take_lock(&lock);
    if (gone) {
        request->answer = out_of_band("disconnecting");
        request->done = 1;
    } else {
        request->number = next_number++;
        request->next = requests;
        requests = request;
    }
    give_lock(&lock);
}

void wait_for_answer(struct request *request)
{
    take_lock(&lock);
    while (!request->done)
        wait_for(&request->wake, &lock);
    give_lock(&lock);
}

void take_answer(const struct header *header, char *data, size_t size)
{
    struct writer writer = {data, size, size, 0};
    take_lock(&lock);
    struct request **place = &requests;
    while (*place && (*place)->number != header->number)
        place = &(*place)->next;
    struct request *request = *place;
    if (request) {
        *place = request->next;
        request->answer = finish(&writer);
        request->done = 1;
        wake_one(&request->wake);
    }
    give_lock(&lock);
    if (!request)
        give_up("an answer to no request came");
}

void line_is_gone(void)
{
    take_lock(&lock);
    gone = 1;
    for (; requests; requests = requests->next) {
        requests->answer = out_of_band("disconnecting");
        requests->done = 1;
        wake_one(&requests->wake);
    }
    give_lock(&lock);
}

void forget_line(void)
{
    gone = 1;
}
