#include "shared.h"

Addresses from_b() { return here(); }
