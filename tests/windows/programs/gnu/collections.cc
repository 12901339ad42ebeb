// Containers, algorithms, strings, numbers, clocks, memory: what pulls much of the library in.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <numeric>
#include <random>
#include <ranges>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

int main() {
    std::unordered_map<std::string, int> counts;
    for (auto word : {"to", "be", "or", "not", "to", "be"}) counts[word]++;
    std::map<std::string, int> ordered(counts.begin(), counts.end());
    for (auto &[word, count] : ordered) std::cout << word << count << ' ';
    std::multiset<int> numbers{3, 1, 4, 1, 5, 9, 2, 6};
    std::cout << *numbers.lower_bound(4) << numbers.count(1) << "\n";
    auto even = std::views::iota(1, 20) | std::views::filter([](int x) { return x % 2 == 0; }) | std::views::take(4);
    for (int number : even) std::cout << number << ' ';
    char text[32];
    auto end = std::to_chars(text, text + sizeof text, 0.1 + 0.2).ptr;
    std::cout << std::string_view(text, end - text) << "\n";
    std::mt19937_64 engine(7);
    std::uniform_int_distribution<int> dice(1, 6);
    int total = 0;
    for (int i = 0; i < 100; i++) total += dice(engine);
    std::cout << total << ' ' << engine() << "\n";
    std::deque<std::unique_ptr<int>> pointers;
    for (int i = 0; i < 10; i++) pointers.push_front(std::make_unique<int>(i));
    std::shared_ptr<int> shared(new int(5), [](int *p) { std::cout << "deleted " << *p << "\n"; delete p; });
    std::weak_ptr<int> weak = shared;
    shared.reset();
    std::cout << weak.expired() << ' ' << *pointers.front() << "\n";
    std::pmr::monotonic_buffer_resource pool;
    std::pmr::list<std::pmr::string> strings(&pool);
    for (int i = 0; i < 50; i++) strings.emplace_back(std::string(40, 'a' + i % 26));
    std::cout << strings.back() << "\n";
    auto then = std::chrono::steady_clock::now();
    auto years = std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(20000)));
    std::cout << (std::chrono::steady_clock::now() >= then) << ' ' << int(years.year()) << "\n";
    std::cout << std::gcd(84, 36) << ' ' << std::apply([](auto... x) { return (x + ...); }, std::tuple(1, 2, 3)) << std::endl;
    return 0;
}
