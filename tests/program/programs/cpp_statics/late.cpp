#include "life.h"

static int count = 2;
static Life life("late");
static Life prioritised __attribute__((init_priority(200))) ("late priority 200");

void Life::touch() const { count++; }
int touches() { return count; }

Life &late_static()
{
    static Life local("late function-local");
    std::atexit([] { std::puts("atexit after the late function-local"); });
    return local;
}
