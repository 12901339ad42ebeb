/* What the parts of Windows's runtime know of a program that has the process for itself. */

#pragma once

/* Have the program's C runtime call a function in its exit; 0, or -1 without memory. Without a program it does nothing. */
int at_end_of_program(void (*function)(void));
