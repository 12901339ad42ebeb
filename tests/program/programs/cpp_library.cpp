// A broad use of the library: containers, algorithms, regex, ranges, variant, filesystem, charconv, memory.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC
//#cflags: -std=c++20
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <memory_resource>
#include <random>
#include <ranges>
#include <regex>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>

namespace fs = std::filesystem;
template <typename... F> struct Overloaded : F... { using F::operator()...; };

static void words(const std::string &text)
{
    const std::regex word(R"((\w+)=(\d+))");
    std::map<std::string, int> values;
    for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
        values[(*it)[1]] = std::stoi((*it)[2]);
    for (const auto &[name, value] : values)
        std::cout << name << ": " << value << '\n';
    std::cout << std::regex_replace(text, word, "$2") << '\n';
}

static void files()
{
    fs::path folder = fs::current_path() / ("files-" + std::to_string(std::random_device{}()));
    fs::create_directories(folder / "deep" / "er");
    std::ofstream(folder / "deep" / "note.txt") << "some text\n";
    std::set<std::string> found;
    for (const auto &entry : fs::recursive_directory_iterator(folder))
        found.insert(entry.path().lexically_relative(folder).string() + (entry.is_directory() ? "/" : ""));
    for (const auto &name : found)
        std::cout << name << '\n';
    std::cout << fs::file_size(folder / "deep" / "note.txt") << ' ' << fs::remove_all(folder) << '\n';
    std::error_code error;
    fs::file_size("/no/such/file", error);
    std::cout << error.message() << '\n';
}

int main()
{
    words("b=2, a=10; c=300");
    files();
    auto squares = std::views::iota(1, 20) | std::views::filter([](int n) { return n % 3 == 0; })
                   | std::views::transform([](int n) { return n * n; });
    for (int n : squares)
        std::cout << n << ' ';
    std::cout << '\n';
    using Value = std::variant<int, double, std::string>;
    for (const Value &v : {Value(1), Value(2.5), Value("text")})
        std::cout << std::visit(Overloaded{[](int) { return "int"; }, [](double) { return "double"; },
                                           [](const std::string &) { return "string"; }}, v) << '\n';
    std::mt19937_64 random(7);
    std::vector<int> v(1000);
    std::ranges::generate(v, [&] { return static_cast<int>(random() % 1000); });
    std::ranges::sort(v, std::greater{});
    std::unordered_map<int, int> counts;
    for (int n : v)
        counts[n % 10]++;
    std::cout << v.front() << ' ' << v.back() << ' ' << counts.size() << '\n';
    std::byte buffer[512];
    std::pmr::monotonic_buffer_resource memory(buffer, sizeof buffer);
    std::pmr::vector<std::pmr::string> strings({"one", "a rather long string that is allocated"}, &memory);
    char digits[32];
    auto [end, problem] = std::to_chars(digits, digits + sizeof digits, 0.1);
    std::cout << strings[1].size() << ' ' << std::string(digits, end) << ' ' << (problem == std::errc()) << '\n';
    auto shared = std::make_shared<std::string>("shared");
    std::weak_ptr<std::string> weak = shared;
    shared.reset();
    std::cout << weak.expired() << '\n';
}
