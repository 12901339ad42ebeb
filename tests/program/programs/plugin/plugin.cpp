#include "plugin.h"

#include <stdexcept>

struct Mine : Plugin {
    std::string name() const override { return std::string("mine, of ") + host_version; }
    int run(int x) override
    {
        if (x == -1)
            throw std::runtime_error("from the plugin");
        if (x == -2)
            throw HostError{17};
        return host_add(x, 10);
    }
};
extern "C" Plugin *make()
{
    auto *one = new Mine;
    register_plugin(one);
    return one;
}
