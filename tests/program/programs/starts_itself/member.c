#include <stdio.h>

static int state;
__attribute__((constructor(200))) static void soon(void) { state++, puts("200"); }
__attribute__((constructor)) static void plain(void) { state++, puts("member's"); }
__attribute__((destructor)) static void done(void) { puts("member's destructor"); }

int member(void) { return state; }
