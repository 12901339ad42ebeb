/* Ask the controller. */

#include "calls.h"
#include "requests.h"

/* In a program calls run in the thread that reads. */
static void read_answer(struct request *request)
{
    struct call call;
    while (!request->done) {
        int next = next_message(&call);
        if (next == OWN)
            run_call(&call, 0, 0);
        else if (next == END)
            line_is_gone();
    }
}

struct result dispatch(void *context, const void *tag, const char *data, size_t size)
{
    (void)context;
    struct request request = {0};
    int reads = begin_own_reading();
    add_request(&request);
    if (!request.done && !send_frame(CALL, request.number, (word)tag, data, size))
        line_is_gone();
    if (reads) {
        read_answer(&request);
        end_own_reading();
    } else {
        wait_for_answer(&request);
    }
    return request.answer;
}
