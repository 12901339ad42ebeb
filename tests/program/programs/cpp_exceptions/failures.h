#pragma once

struct Base {
    int code;
    explicit Base(int c) : code(c) {}
    virtual ~Base();
    virtual const char *describe() const;
};

struct Derived : Base {
    using Base::Base;
    const char *describe() const override;
};

enum class Kind { own, derived, number, text };
void fail(Kind kind, int code);
int deep(int n);
extern "C" void through_c(void (*function)(void *), void *data, int depth);
