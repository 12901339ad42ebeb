// Inline functions, templates and their statics are shared by objects; lambdas, references, pointers to members.
#include "../microsoft.h"
#include "templates.h"

template <class F> static int apply(F &&f, int n) { return f(n); }

int main() {
    Stack<int> stack;
    for (int i = 0; i < 10; i++) stack.push(i * i);
    int base = 3;
    printf("%d %d\n", apply([&](int n) { return n + base + stack.pop(); }, 4), there(6));
    printf("%d %d %d\n", Stack<int>::made, Stack<char>::made, counted());
    int Stack<int>::*member = &Stack<int>::count;
    printf("%d\n", stack.*member);
    return counted() + Stack<int>::made;
}
