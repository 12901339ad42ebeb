#include "../microsoft.h"
#include "thread_locals.h"

static thread_local Log second("second");

Log::Log(const char *name) : name(name) { printf("made %s\n", name); }
Log::~Log() { printf("gone %s after %d\n", name, used); }

void other(int amount) {
    plain++;
    second.use(2 * amount);
    first.use(1000);
}
