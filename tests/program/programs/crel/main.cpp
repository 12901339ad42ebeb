// Compact relocation tables (SHT_CREL): code, data, constructors, thread-locals, unwind data, COMDAT groups.
//#compilers: clang
//#flags: -O0 | -O2 -fPIC -ffunction-sections | -O1 -g
//#cflags: -Wa,--crel,--allow-experimental-crel
//#native: -fuse-ld=lld
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

int other(int value);
extern const char *const names[];
extern thread_local int depth;

static std::string text = "before main";
static int (*const functions[])(int) = {other, [](int value) { return value + 1; }, other};
struct Base { virtual ~Base() = default; virtual int value() const { return 1; } };
template <class T> struct Box : Base { int value() const override { return sizeof(T); } };

int main()
{
    std::vector<Base *> items = {new Base, new Box<char>, new Box<double>};
    int sum = 0;
    for (const Base *item : items)
        sum += item->value();
    for (auto *function : functions)
        sum = function(sum);
    try {
        other(-1);
    } catch (const std::invalid_argument &error) {
        std::printf("%s: %s, %d, %s %s, %d\n", text.c_str(), error.what(), sum, names[1], names[3], depth);
    }
}
