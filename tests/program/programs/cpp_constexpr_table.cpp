// Big tables made at compile time, with pointers into other tables and member function pointers.
//#compilers: gcc clang
//#flags: -O2 | -O1 -fno-pie | -O1 -fPIC -mcmodel=large
//#cflags: -std=c++20
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

static constexpr auto crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; i++) {
        std::uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        table[i] = c;
    }
    return table;
}();

struct Machine {
    int value = 0;
    void add() { value += 3; }
    void twice() { value *= 2; }
    virtual void negate() { value = -value; }
};

struct Instruction { std::string_view name; void (Machine::*run)(); const std::uint32_t *constant; };
static constexpr Instruction instructions[] = {
    {"add", &Machine::add, &crc_table[1]}, {"twice", &Machine::twice, &crc_table[255]},
    {"negate", &Machine::negate, crc_table.data()},
};
template <std::size_t N> constexpr auto ramp = [] {
    std::array<int, N> a{};
    for (std::size_t i = 0; i < N; i++)
        a[i] = static_cast<int>(i * i);
    return a;
}();

int main()
{
    std::uint32_t crc = ~0u;
    for (unsigned char c : std::string_view("The quick brown fox jumps over the lazy dog"))
        crc = crc_table[(crc ^ c) & 255] ^ (crc >> 8);
    std::printf("%08x\n", ~crc);
    Machine machine;
    for (const auto &i : instructions) {
        (machine.*i.run)();
        std::printf("%.*s %d %08x\n", static_cast<int>(i.name.size()), i.name.data(), machine.value, *i.constant);
    }
    volatile std::size_t at = 20000;
    std::printf("%d\n", ramp<30000>[at]);
}
