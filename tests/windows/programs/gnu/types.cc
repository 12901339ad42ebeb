// Types of several objects are one type each: casts, names, catching by bases, virtual inheritance.
#include <cstdio>
#include <cstring>
#include <typeindex>
#include <typeinfo>
#include "types.h"

Circle::~Circle() { std::puts("circle gone"); }

int main() {
    for (int kind = 0; kind < 3; kind++) {
        Shape *shape = make(kind);
        std::printf("%s %d %d\n", typeid(*shape).name(), dynamic_cast<Circle *>(shape) != nullptr,
                    dynamic_cast<Named *>(shape) ? dynamic_cast<Named *>(shape)->number : -1);
        std::printf("same %d\n", typeid(*shape) == type_of(kind) && std::type_index(type_of(kind)) == typeid(*shape));
        delete shape;
    }
    for (int kind = 0; kind < 3; kind++) {
        try {
            fail(kind);
        } catch (Named &named) {
            std::printf("named %d\n", named.number);
        } catch (Shape &shape) {
            std::printf("shape %d\n", shape.area());
        }
    }
    for (int kind = 0; kind < 8; kind++) {
        try {
            std::printf("sides %d %d\n", sides(kind), sides_there(kind));
        } catch (short number) {
            std::printf("sides: thrown %d\n", number);
        }
    }
    try {
        fail(3);
    } catch (Shape *shape) {
        std::printf("pointer %d\n", shape->area());
    }
    std::printf("%d %d\n", counted<int>(), counted<char>());
    return *counter<int>() * 10 + *counter<char>();
}
