// iostream: input, formatting, the standard streams in step with stdio, files in memory, locale facets.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fPIC | -O1 -mcmodel=large
//#stdin: 3 4.5 word\nthe rest of it\n
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <locale>
#include <sstream>

struct Grouping : std::numpunct<char> {
    char do_thousands_sep() const override { return '\''; }
    std::string do_grouping() const override { return "\3"; }
    std::string do_truename() const override { return "yes"; }
};

struct Point { int x, y; };
static std::ostream &operator<<(std::ostream &out, const Point &p) { return out << '(' << p.x << ", " << p.y << ')'; }

int main()
{
    int n;
    double d;
    std::string word, line;
    std::cin >> n >> d >> word >> std::ws;
    std::getline(std::cin, line);
    std::cout << n << '|' << d << '|' << word << '|' << line << std::endl;
    std::printf("stdio ");
    std::cout << "and iostream ";
    std::printf("in step\n");
    std::cerr << "to stderr " << Point{1, 2} << '\n';
    std::clog << "to clog" << std::endl;
    std::cout << std::hex << std::showbase << 255 << ' ' << std::setfill('*') << std::setw(8) << std::dec << 42 << ' '
              << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 12345.678 << '\n';
    std::cout.imbue(std::locale(std::locale::classic(), new Grouping));
    std::cout << 1234567 << ' ' << std::boolalpha << true << '\n';
    std::istringstream in("1 2 x");
    int a = 0, b = 0, c = 7;
    in >> a >> b >> c;
    std::cout << a + b << ' ' << c << ' ' << in.fail() << '\n';
    std::wostringstream wide;
    wide << L"wide " << 12;
    std::cout << wide.str().size() << '\n' << "no newline at the end";
}
