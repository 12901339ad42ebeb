#include "entry.h"

REGISTER(framework)
extern const struct entry __start_registry[], __stop_registry[];

int total(void)
{
    for (const struct entry *entry = __start_registry; entry != __stop_registry; entry++)
        printf("%s %d\n", entry->name, entry->value());
    return __stop_registry - __start_registry;
}
