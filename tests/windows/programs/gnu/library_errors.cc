// Exceptions that the library throws, caught by their own types and by bases.
#include <any>
#include <filesystem>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <sstream>
#include <typeinfo>
#include <variant>
#include <vector>

struct Base { virtual ~Base() = default; };
struct Derived : Base {};

template <class Error, class Function> static void expect(const char *name, Function &&function) {
    try {
        function();
        std::cout << name << ": nothing thrown\n";
    } catch (const Error &error) {
        std::cout << name << ": " << (dynamic_cast<const std::exception *>(&error) != nullptr) << "\n";
    } catch (const std::exception &error) {
        std::cout << name << ": another: " << typeid(error).name() << "\n";
    }
}

int main() {
    expect<std::out_of_range>("vector", [] { std::vector<int>(3).at(7); });
    expect<std::length_error>("string", [] { std::string().resize(std::string().max_size() + 1); });
    expect<std::invalid_argument>("stoi", [] { (void)std::stoi("no number"); });
    expect<std::bad_function_call>("function", [] { std::function<void()>()(); });
    expect<std::bad_cast>("cast", [] { Base base; (void)dynamic_cast<Derived &>(base); });
    expect<std::bad_alloc>("new", [] { volatile std::size_t size = std::size_t(1) << 46; delete[] new char[size]; });
    expect<std::bad_optional_access>("optional", [] { (void)std::optional<int>().value(); });
    expect<std::bad_variant_access>("variant", [] { (void)std::get<int>(std::variant<char, int>('x')); });
    expect<std::bad_any_cast>("any", [] { (void)std::any_cast<int>(std::any(2.5)); });
    expect<std::bad_weak_ptr>("weak", [] { std::shared_ptr<int> pointer(std::weak_ptr<int>{}); });
    expect<std::regex_error>("regex", [] { std::regex expression("(open"); });
    expect<std::filesystem::filesystem_error>("path", [] { (void)std::filesystem::file_size("Z:\\no\\where"); });
    expect<std::future_error>("future", [] { std::promise<int> one; one.set_value(1); one.set_value(2); });
    expect<std::system_error>("lock", [] { std::unique_lock<std::mutex> lock; lock.lock(); });
    expect<std::ios_base::failure>("stream", [] {
        std::istringstream stream("word");
        stream.exceptions(std::ios::failbit);
        int number;
        stream >> number;
    });
    expect<std::logic_error>("base", [] { (void)std::bitset<4>(std::string("012")); });
    return 0;
}
