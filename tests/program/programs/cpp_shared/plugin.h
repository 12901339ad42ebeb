#pragma once

struct Problem { const char *text; explicit Problem(const char *t) : text(t) {} };

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
    virtual const char *name() const { return "shape"; }
};

struct Square : Shape {
    double side;
    explicit Square(double s) : side(s) {}
    double area() const override;
    const char *name() const override { return "square"; }
};

inline int shared_count = 10;
void call(void (*callback)(int));
[[noreturn]] void fail_in_library(const char *text);
const char *describe(const Shape &shape);
Shape *make_square(double side);
int library_count();
