/* What the parts of Windows's runtime know of the program of this process. */

#pragma once

/* Have the program's C runtime call a function in its exit; 0, or -1 without memory. Without a program it does nothing. */
int at_end_of_program(void (*function)(void));

/* Have the program's C runtime write what its files hold back. */
void flush_program(void);

/* End the process by the exit of the program's C runtime, which runs what is registered there; returns without a program. */
void end_program(int status);
