#include <cstdio>
#include <stdexcept>

static void inner(int how) {
    if (how == 0) throw 17;
    if (how == 1) throw 2.5;
    if (how == 2) throw "text";
}

void through(int depth, void (*end)()) {
    char room[64];
    std::snprintf(room, sizeof room, "frame %d", depth);
    struct Leave {
        const char *text;
        ~Leave() { std::puts(text); }
    } leave{room};
    if (depth) through(depth - 1, end);
    else end();
}

int leave(int how) {
    try {
        try {
            inner(how);
        } catch (int number) {
            throw number + 1;
        } catch (double) {
            throw;
        }
    } catch (int number) {
        return number;
    } catch (const double &number) {
        return int(number * 10);
    } catch (...) {
        return -1;
    }
    return 0;
}
