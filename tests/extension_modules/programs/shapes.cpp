#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <vector>

struct Shape {
    double width, height;
    double area() const { return width * height; }
};

PYBIND11_MODULE(shapes, module) {
    module.def("total", [](const std::vector<int> &numbers) {
        int sum = 0;
        for (int number : numbers) sum += number;
        return sum;
    });
    module.def("fail", []() { throw std::runtime_error("no shape"); });
    pybind11::class_<Shape>(module, "Shape").def(pybind11::init<double, double>()).def("area", &Shape::area);
}
