#include <nanobind/nanobind.h>

#include <stdexcept>

struct Dog {
    int age;
    int years() const { return 7 * age; }
};

NB_MODULE(dogs, module) {
    module.def("fail", []() { throw std::runtime_error("no dog"); });
    nanobind::class_<Dog>(module, "Dog").def(nanobind::init<int>()).def("years", &Dog::years);
}
