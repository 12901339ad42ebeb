// Streams: formats, wide characters, files, standard input, manipulators of the program's own.
#include <complex>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <locale>
#include <numeric>
#include <sstream>
#include <vector>

struct Point { int x, y; };
static std::ostream &operator<<(std::ostream &stream, const Point &point) { return stream << '(' << point.x << ',' << point.y << ')'; }
static std::istream &operator>>(std::istream &stream, Point &point) { char c; return stream >> c >> point.x >> c >> point.y >> c; }

int main(int argc, char **argv) {
    std::cout << std::setw(8) << std::setfill('*') << 42 << std::hex << std::showbase << 255 << std::dec << "\n";
    std::cout << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 12345.678 << "\n";
    std::cout << std::boolalpha << true << ' ' << std::quoted("a \"b\"") << ' ' << std::complex<double>(1, 2) << "\n";
    std::istringstream input("(3,4) (5,6)");
    std::vector<Point> points{std::istream_iterator<Point>(input), {}};
    for (auto &point : points) std::cout << point;
    std::cout << std::endl;
    std::wostringstream wide;
    wide << L"wide " << 12 << std::setw(5) << L"x";
    std::cout << wide.str().size() << "\n";
    {
        std::ofstream file(argv[1], std::ios::binary);
        for (int i = 0; i < 5; i++) file << "line " << i << '\n';
    }
    std::ifstream file(argv[1]);
    std::string line;
    int total = 0;
    while (std::getline(file, line)) total += line.size();
    std::cout << total << ' ' << file.eof() << "\n";
    std::cerr << "to cerr\n";
    std::clog << "to clog\n";
    std::cout << std::accumulate(argv + 2, argv + argc, std::string(), [](std::string a, char *b) { return a + '<' + b + '>'; });
    return std::cout.good() ? 9 : 1;
}
