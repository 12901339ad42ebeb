#include <stdexcept>

extern const char *const names[] = {"zero", "one", "two", "three"};
thread_local int depth = 3;

int other(int value)
{
    depth++;
    if (value < 0)
        throw std::invalid_argument(names[2]);
    return 2 * value;
}
