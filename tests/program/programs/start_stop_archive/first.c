#include "entry.h"

REGISTER(first)
extern int second_present;
int first_present = 1, *needs = &second_present;
__attribute__((section("only_in_archive"), used)) static const int numbers[] = {3, 4};
