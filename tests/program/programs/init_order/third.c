#include "log.h"

__attribute__((constructor)) static void plain(void) { say("third: constructor"); }
__attribute__((constructor(150))) static void early(void) { say("third: constructor 150"); }
__attribute__((destructor)) static void plain_down(void) { say("third: destructor"); }
__attribute__((destructor(150))) static void down(void) { say("third: destructor 150"); }
