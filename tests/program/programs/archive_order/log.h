#include <stdio.h>

#define LOG(name) \
    __attribute__((constructor)) static void begin(void) { puts(#name); } \
    __attribute__((constructor(200))) static void begin_200(void) { puts(#name " 200"); } \
    __attribute__((destructor)) static void end(void) { puts("end of " #name); } \
    __attribute__((destructor(300))) static void end_300(void) { puts("end of " #name " 300"); }
