#pragma once
#include <typeinfo>

struct Top {
    int t = 1;
    virtual ~Top() {}
    virtual const char *name() const = 0;
    virtual int value() const { return t; }
};
struct Left : virtual Top {
    int l = 2;
    const char *name() const override;
    int value() const override { return t + l; }
};
struct Right : virtual Top {
    int r = 3;
    const char *name() const override { return "right"; }
};
struct Both final : Left, Right {
    int b = 4;
    ~Both() override;
    const char *name() const override;
    int value() const override { return t + l + r + b; }
};
Top *make_both();
Top *make_left();
const std::type_info &there_type();
