#include <cstdio>
#include "shared_thread_locals.h"

thread_local Log second("second");
__thread int raw = 40;

Log::Log(const char *name) : name(name), uses(0) { std::printf("made %s\n", name); }
Log::~Log() { std::printf("gone %s after %d\n", name, uses); }

void use(int amount) {
    first.uses += amount;
    second.uses += 2 * amount;
    ++*where;
}
