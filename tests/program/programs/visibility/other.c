#include "visible.h"

int normal_d = 1, hidden_d = 2, protected_d = 3, internal_d = 4;
int normal_f(void) { return 10 + normal_d; }
int hidden_f(void) { return 20 + hidden_d; }
int protected_f(void) { return 30 + protected_d; }
int internal_f(void) { return 40 + internal_d; }

static function *const functions[] = {normal_f, hidden_f, protected_f, internal_f};
static int *const data[] = {&normal_d, &hidden_d, &protected_d, &internal_d};

int same_functions(function *a, function *b, function *c, function *d)
{
    return a == functions[0] && b == functions[1] && c == functions[2] && d == functions[3];
}

int same_data(int *a, int *b, int *c, int *d)
{
    return a == data[0] && b == data[1] && c == data[2] && d == data[3];
}
