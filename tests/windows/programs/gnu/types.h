#pragma once
#include <typeinfo>

struct Shape { virtual int area() const { return 1; } virtual ~Shape() {} };
struct Named { int number = 7; virtual void name() {} virtual ~Named() {} };
struct Circle : virtual Shape { int area() const override { return 3; } ~Circle() override; };
struct Square : Named, Circle { int area() const override { return 4; } };
Shape *make(int kind);
const std::type_info &type_of(int kind);
void fail(int kind);
template <class T> int *counter() { static int count; return &count; }
template <class T> inline int counted() { return ++*counter<T>(); }
