// -fno-pie code refers to libraries' variables directly, which natively are copied to the program: both sides see one.
//#compilers: gcc clang
//#flags: -fno-pie | -O2 -fno-pie
//#args: -a -b value rest
//#places: child wire
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <getopt.h>
#include <iomanip>
#include <iostream>
#include <unistd.h>

extern "C" char **__environ;

int main(int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "ab:")) != -1;)
        std::printf("-%c %s, next %d\n", option, optarg ? optarg : "", optind);
    std::printf("rest %s\n", argv[optind]);
    optind = 1;
    std::printf("again -%c\n", getopt(argc, argv, "ab:"));
    setenv("URUK_TEST_NAME", "a value", 1);
    std::printf("%d %d\n", environ == __environ, std::getenv("URUK_TEST_NAME") != nullptr);
    char *mine[] = {const_cast<char *>("ONLY=this"), nullptr};
    char **before = environ;
    environ = mine;
    std::printf("%s %d\n", std::getenv("ONLY"), std::getenv("PATH") == nullptr);
    environ = before;
    setenv("TZ", "UTC+3", 1);
    tzset();
    std::printf("%ld %s\n", timezone, tzname[0]);
    std::cout << std::setw(6) << std::setfill('.') << 42 << ' ' << std::boolalpha << true << std::endl;
    std::cerr << "to cerr " << std::hex << 255 << '\n';
    std::clog << "to clog\n";
    std::cout.setf(std::ios::showbase);
    std::cout << std::hex << 31 << '\n';
    std::wcout.flush();
    int number = 0;
    std::cin >> number;
    std::cout << std::dec << number << ' ' << std::cin.eof() << std::endl;
    opterr = 0;
    optind = 1;
    std::printf("%c\n", getopt(argc, argv, "b:"));
    std::printf("%s\n", program_invocation_short_name[0] ? "named" : "");
    std::fprintf(stderr, "done\n");
    return 0;
}
