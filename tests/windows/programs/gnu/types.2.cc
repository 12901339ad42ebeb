#include "types.h"

Shape *make(int kind) {
    counted<int>();
    if (kind == 0) return new Shape;
    if (kind == 1) return new Circle;
    return new Square;
}

const std::type_info &type_of(int kind) { return kind == 0 ? typeid(Shape) : kind == 1 ? typeid(Circle) : typeid(Square); }

int sides_there(int kind) { return sides(kind); }

void fail(int kind) {
    counted<char>();
    static Square square;
    if (kind == 0) throw Shape();
    if (kind == 1) throw Circle();
    if (kind == 2) throw square;
    throw static_cast<Circle *>(&square);
}
