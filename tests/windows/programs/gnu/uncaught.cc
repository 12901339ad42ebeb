// What nobody catches ends the program by way of std::terminate.
#include <cstdio>
#include <stdexcept>

struct Local { ~Local() { std::puts("unwound"); } };

int main(int argc, char **argv) {
    std::puts("before");
    std::fflush(stdout);
    Local local;
    throw std::runtime_error("nobody wants this");
}
