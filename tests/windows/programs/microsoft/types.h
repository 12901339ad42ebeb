#pragma once
class type_info_data;
extern "C" __declspec(dllimport) int __std_type_info_compare(const void *a, const void *b);

class type_info {  // as Microsoft's vcruntime_typeinfo.h lays it out
public:
    virtual ~type_info();
    bool operator==(const type_info &other) const { return !__std_type_info_compare(&data, &other.data); }
    const char *raw_name() const { return data.decorated; }

private:
    struct { const char *undecorated; char decorated[1]; } mutable data;
};

struct Shape { virtual int area() const { return 1; } virtual ~Shape(); };
struct Named { int number = 7; virtual void name() {} virtual ~Named() {} };
struct Circle : virtual Shape { int area() const override { return 3; } };
struct Square : Named, Circle { int side = 2; int area() const override { return side * side; } };
struct Deep : Square { Deep() { number = 8; side = 5; } };
Shape *make(int kind);
const type_info &type_of(int kind);
