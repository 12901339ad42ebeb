#pragma once
#include <cstddef>

struct Addresses {
    int (*function)(int);
    int *variable, *local;
    const int *member;
    int (*lambda)();
};

inline std::size_t constructed = 0;
struct Counted { int value; explicit Counted(int v) : value(v) { constructed++; } };
inline Counted counted{11};
inline int add_one(int x) { return x + 1; }
inline int &local_static() { static Counted once{33}; return once.value; }
template <typename T> struct Table { static const int values[3]; };
template <typename T> const int Table<T>::values[3] = {1, 2, sizeof(T)};
inline auto make_lambda() { return +[] { static int calls = 0; return ++calls; }; }

static inline Addresses here()
{
    return {add_one, &counted.value, &local_static(), Table<long>::values, make_lambda()};
}
Addresses from_a();
Addresses from_b();
