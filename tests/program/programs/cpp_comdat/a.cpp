#include "shared.h"

Addresses from_a() { return here(); }
