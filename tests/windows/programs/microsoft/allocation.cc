// operator new and delete, for one and for arrays; a class's own; what the compiler calls for virtual destructors.
#include "../microsoft.h"

static int own;
struct Own {
    virtual ~Own() { puts("own gone"); }
    void *operator new(size_t_ size) { own++; return ::operator new(size + 16); }
    void operator delete(void *memory) { own--; ::operator delete(memory); }
};
struct More : Own { int values[20] = {}; ~More() { puts("more gone"); } };
struct Counted { static int living; Counted() { living++; } ~Counted() { living--; } virtual void f() {} };
int Counted::living;

int main() {
    Own *one = new More;
    printf("%d\n", own);
    delete one;
    Counted *row = new Counted[25];
    printf("%d\n", Counted::living);
    delete[] row;
    int *numbers = new int[1000]();
    int sum = 0;
    for (int i = 0; i < 1000; i++) sum += numbers[i];
    delete[] numbers;
    Own *none = nullptr;
    delete none;
    printf("%d %d %d\n", own, Counted::living, sum);
    return sizeof(More) & 0x7f;
}
