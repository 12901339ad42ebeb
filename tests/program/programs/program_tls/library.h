extern __thread int depth;
extern __thread struct { _Alignas(64) char text[70]; int last; } wide;
extern __thread long zero;
extern __thread int *pointer;
#define FUNCTIONS(name) \
    int name##_depth(void) { return depth; } \
    int name##_wide(void) { return wide.text[0] + wide.text[69] + wide.last; } \
    int name##_both(void) { return shared_by_both; } \
    long *name##_zero(void) { return &zero; } \
    int *name##_pointer(void) { return pointer; }
