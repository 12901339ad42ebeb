// RTTI across objects: dynamic_cast over virtual and multiple bases, typeid equality, pure virtual tables, member pointers.
//#compilers: gcc clang
//#flags: -O0 | -O2 | -O2 -fPIC -fvisibility=hidden | -O1 -mcmodel=large
#include "shapes.h"

#include <cstdio>

int main()
{
    Top *both = make_both(), *left = make_left();
    std::printf("%s %s\n", both->name(), left->name());
    std::printf("%d %d %d %d\n", dynamic_cast<Left *>(both) != nullptr, dynamic_cast<Right *>(both) != nullptr,
                dynamic_cast<Right *>(left) != nullptr, dynamic_cast<Both *>(left) != nullptr);
    Right *right = dynamic_cast<Right *>(both);
    std::printf("cross %d %d %d\n", dynamic_cast<Left *>(right) == dynamic_cast<Left *>(both), right->r,
                dynamic_cast<void *>(right) == dynamic_cast<void *>(both));
    std::printf("typeid %d %d %s\n", typeid(*both) == there_type(), typeid(*left) == there_type(),
                typeid(*both).name());
    int (Top::*member)() const = &Top::value;
    int Both::*data = &Both::b;
    std::printf("%d %d %d\n", (both->*member)(), (left->*member)(), dynamic_cast<Both *>(both)->*data);
    try {
        (void)dynamic_cast<Right &>(*left);
    } catch (const std::bad_cast &) {
        std::puts("bad_cast");
    }
    delete both;
    delete left;
}
