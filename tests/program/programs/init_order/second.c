#include "log.h"

#include <stdio.h>
#include <stdlib.h>

void say(const char *text) { puts(text); }

static void from_constructor(void) { say("second: atexit of a constructor"); }

__attribute__((constructor)) static void plain(void)
{
    say("second: constructor");
    atexit(from_constructor);
}
__attribute__((constructor(200))) static void early(void) { say("second: constructor 200"); }
__attribute__((constructor(65535))) static void latest(void) { say("second: constructor 65535"); }
__attribute__((destructor(200))) static void down(void) { say("second: destructor 200"); }
__attribute__((destructor)) static void plain_down(void) { say("second: destructor"); }
