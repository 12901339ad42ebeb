#include "entry.h"

REGISTER(second)
int second_present = 1;
__attribute__((section("only_in_archive"), used)) static const int number = 5;
