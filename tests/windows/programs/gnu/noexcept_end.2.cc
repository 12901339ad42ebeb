#include <stdexcept>
void thrower(const char *text) { throw std::invalid_argument(text); }
