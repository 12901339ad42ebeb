#include "shapes.h"

#include <cstdio>

const char *Left::name() const { return "left"; }
const char *Both::name() const { return "both"; }
Both::~Both() { std::puts("~Both"); }
Top *make_both() { return new Both; }
Top *make_left() { return new Left; }
const std::type_info &there_type() { return typeid(Both); }
