#pragma once
#include <typeinfo>

struct Shape { virtual int area() const { return 1; } virtual ~Shape() {} };
struct Named { int number = 7; virtual void name() {} virtual ~Named() {} };
struct Circle : virtual Shape { int area() const override { return 3; } ~Circle() override; };
struct Square : Named, Circle { int area() const override { return 4; } };
Shape *make(int kind);
const std::type_info &type_of(int kind);
void fail(int kind);
int sides_there(int kind);
template <class T> int *counter() { static int count; return &count; }
template <class T> inline int counted() { return ++*counter<T>(); }
// gcc has the table of its jumps in .rdata, which no group discards with the function
__attribute__((noinline)) inline int sides(int kind) {
    switch (kind) {
        case 0: return ++*counter<short>();
        case 1: return *counter<int>();
        case 2: *counter<short>() = 9; return 4;
        case 3: return *counter<char>() + 5;
        case 4: return *counter<short>() * 2;
        case 5: throw *counter<short>();
        default: return kind;
    }
}
