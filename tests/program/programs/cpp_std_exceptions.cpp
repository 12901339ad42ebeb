// Exceptions thrown by the C++ library into linked code, and of its types by linked code; nested and with what().
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC | -O1 -mcmodel=large
#include <any>
#include <functional>
#include <iostream>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <variant>
#include <vector>

static void report(const std::exception &error, int depth = 0)
{
    std::cout << std::string(depth * 2, ' ') << error.what() << '\n';
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception &inner) {
        report(inner, depth + 1);
    }
}

static void outer(int n)
{
    try {
        if (n == 0)
            throw std::invalid_argument("the root");
        outer(n - 1);
    } catch (...) {
        std::throw_with_nested(std::runtime_error("level " + std::to_string(n)));
    }
}

template <typename Error, typename F> static void expect(const char *what, F f)
{
    try {
        f();
        std::cout << what << ": nothing\n";
    } catch (const Error &error) {
        std::cout << what << ": " << typeid(error).name() << '\n';
    }
}

int main()
{
    expect<std::out_of_range>("at", [] { std::vector<int>(3).at(5); });
    expect<std::bad_alloc>("new", [] { volatile std::size_t n = std::size_t(1) << 60; delete[] new char[n]; });
    expect<std::bad_cast>("cast", [] { std::any a = 1; std::any_cast<long>(a); });
    expect<std::bad_function_call>("function", [] { std::function<void()>()(); });
    expect<std::logic_error>("stoi", [] { std::stoi("x"); });
    expect<std::bad_optional_access>("optional", [] { (void)std::optional<int>().value(); });
    expect<std::bad_variant_access>("variant", [] { (void)std::get<int>(std::variant<int, char>('c')); });
    expect<std::length_error>("length", [] { std::string().resize(std::size_t(-1)); });
    expect<std::bad_typeid>("typeid", [] { std::exception *none = nullptr; (void)typeid(*none).name(); });
    expect<std::system_error>("system", [] { throw std::system_error(2, std::generic_category(), "open"); });
    expect<std::ios_base::failure>("stream", [] { std::cin.exceptions(std::ios::eofbit); int n; std::cin >> n; });
    try {
        outer(3);
    } catch (const std::exception &error) {
        report(error);
    }
}
