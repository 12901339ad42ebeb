/* Ask the controller. */

#include "calls.h"
#include "requests.h"

static void read_answer(struct request *request, int runs_calls)
{
    struct call call;
    while (!request->done) {
        int next = next_message(runs_calls ? &call : 0);
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
    enum own_reading reading = begin_own_reading();
    add_request(&request);
    if (!request.done && !send_frame(CALL, request.number, (word)tag, data, size))
        line_is_gone();
    if (reading == READS_NOT) {
        wait_for_answer(&request);
    } else {
        read_answer(&request, reading == READS_AND_RUNS);
        end_own_reading();
    }
    return request.answer;
}
