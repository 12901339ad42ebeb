// As huge_bss.c, in code for a fixed address, which lies below 2 GiB: in a process of uruk's own there may be no room.
//#sources: huge_bss.c
//#compilers: gcc
//#flags: -O1 -fno-pie
//#places: child wire
