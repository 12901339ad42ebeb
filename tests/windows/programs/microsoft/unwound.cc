// What is destroyed on the way of an exception: locals, members, parts of arrays, temporaries, over two objects.
#include "../microsoft.h"
#include "unwound.h"

static int made;
Part::Part(int id) : id(id) {
    if (++made % 7 == 0) throw id;
    printf("+%d ", id);
}
Part::~Part() { printf("-%d ", id); }

struct Whole {
    Part first, second;
    Part row[3] = {Part(10), Part(11), Part(12)};
    explicit Whole(int id) : first(id), second(id + 1) {}
    ~Whole() { printf("whole gone "); }
};

static int builds(int id) {
    try {
        Part local(id);
        Whole whole(id + 1);
        between(5, id);
        return 0;
    } catch (int where) {
        printf("caught %d\n", where);
        return where;
    }
}

static int allocates() {
    try {
        Whole *whole = new Whole(40);
        delete whole;
        Whole *row = new Whole[2]{Whole(50), Whole(60)};
        delete[] row;
    } catch (int where) {
        printf("caught %d\n", where);
        return where;
    }
    return -1;
}

int main() {
    int sum = 0;
    for (int round = 0; round < 6; round++) sum += builds(100 * round);
    sum += allocates();
    printf("%d\n", sum);
    return sum & 0x7f;
}
