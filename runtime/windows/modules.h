/* What the parts of Windows's runtime know of linked code. */

#pragma once

#include <stdint.h>

/* The module whose code is at an address, as uruk_rt_register_module names it; 0 where there is none. */
uint64_t module_at(uint64_t address);

/* Run the calling thread's destructors that lie in a module, the newest first. */
void run_thread_destructors(uint64_t module);
