// IFUNCs: called, address taken in code and in static data, from other objects, static, and one pointer value for all.
//#compilers: gcc clang
//#flags: -O1 -fPIE | -O1 -fPIC | -O1 -fno-pie | -O1 -fno-pie -mcmodel=large
#include <stdio.h>

static int resolved;
static int one(int x) { return x + 1; }
static int two(int x) { return x + 2; }
typedef int function(int);

static function *choose(void)
{
    resolved++;
    return two;
}

static function *choose_one(void) { return one; }

int picked(int) __attribute__((ifunc("choose")));
__attribute__((visibility("hidden"))) int hidden_pick(int) __attribute__((ifunc("choose_one")));
static int static_pick(int) __attribute__((ifunc("choose_one")));

function *in_data = picked;
function *const in_rodata = hidden_pick;
static function *static_in_data = static_pick;
int call_there(int);
function *address_there(void);
function *data_there(void);

int main(void)
{
    function *volatile local = picked;
    printf("%d %d %d\n", picked(1), hidden_pick(1), static_pick(1));
    printf("%d %d %d %d\n", local(2), in_data(2), in_rodata(2), static_in_data(2));
    printf("there %d %d %d\n", call_there(3), address_there()(3), data_there()(3));
    printf("resolved %d\n", resolved > 0);
    return 0;
}
