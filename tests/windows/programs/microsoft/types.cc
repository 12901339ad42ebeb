// Types at run time: dynamic casts over single, multiple and virtual bases, in two objects; typeid.
#include "../microsoft.h"
#include "types.h"

Shape::~Shape() { puts("shape gone"); }

int main() {
    for (int kind = 0; kind < 4; kind++) {
        Shape *shape = make(kind);
        Circle *circle = dynamic_cast<Circle *>(shape);
        Named *named = dynamic_cast<Named *>(shape);
        printf("%d %d %d %s\n", shape->area(), circle != nullptr, named ? named->number : -1, dynamic_cast<void *>(shape) == shape ? "whole" : "part");
        if (named) printf("back %d\n", dynamic_cast<Shape *>(named) == shape);
        printf("%d %d %s\n", typeid(*shape) == type_of(kind), typeid(*shape) == typeid(Shape), typeid(*shape).raw_name());
        delete shape;
    }
    try {
        Shape plain;
        Shape &shape = plain;
        puts(dynamic_cast<Circle &>(shape).area() ? "cast" : "");
    } catch (...) {
        puts("bad cast");
    }
    int (Shape::*member)() const = &Shape::area;
    Shape *square = make(2);
    int area = (square->*member)();
    delete square;
    return area;
}
