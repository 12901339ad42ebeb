#include <string>

struct HostError {
    int code;
};
struct Plugin {
    virtual ~Plugin();
    virtual std::string name() const;
    virtual int run(int x) = 0;
};
void register_plugin(Plugin *one);
extern "C" int host_add(int a, int b);
extern "C" const char host_version[];
