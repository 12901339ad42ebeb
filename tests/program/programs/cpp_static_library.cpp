// The C++ library itself from libstdc++.a: its IFUNCs, thread-locals, unique symbols and initialisers are linked too.
//#compilers: gcc clang
//#flags: -O1
//#native: -static-libstdc++
//#link-command: {cc} -print-file-name=libstdc++.a
#include <iostream>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

static std::once_flag once;

int main()
{
    std::cout << "iostream " << 42 << ' ' << 2.5 << std::endl;
    try {
        (void)std::stoi("not a number");
    } catch (const std::invalid_argument &error) {
        std::cout << error.what() << '\n';
    }
    std::thread([] { std::call_once(once, [] { std::cout << "once\n"; }); }).join();
    std::cout << std::regex_replace("a1b22", std::regex("[0-9]+"), "#") << '\n';
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out << std::hex << 255;
    std::cerr << out.str() << '\n';
}
