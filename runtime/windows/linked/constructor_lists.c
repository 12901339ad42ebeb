/* The lists of constructors and destructors that GNU ld's script makes. They stand apart from the other variables of start
 * files: libgcc.a has them, too (_ctors.o), and whoever refers to one of the others must not get them a second time. */

#include <stdint.h>

/* No constructor is left to run for who walks the lists: a count of -1, and the end. */
const intptr_t __CTOR_LIST__[2] = {-1, 0}, __DTOR_LIST__[2] = {-1, 0};
