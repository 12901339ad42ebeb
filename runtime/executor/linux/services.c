/* The services that only Linux's executor offers. */

#include "linux.h"

#if defined __x86_64__
const char system_triple[] = "x86_64-unknown-linux-gnu";
#elif defined __aarch64__
const char system_triple[] = "aarch64-unknown-linux-gnu";
#endif

static char instance;

const struct symbol system_symbols[] = {
    {"__llvm_orc_ExecutorSharedMemoryMapperService_Instance", &instance},
    {"__llvm_orc_ExecutorSharedMemoryMapperService_Reserve", (void *)shared_reserve},
    {"__llvm_orc_ExecutorSharedMemoryMapperService_Initialize", (void *)shared_initialize},
    {"__llvm_orc_ExecutorSharedMemoryMapperService_Deinitialize", (void *)shared_deinitialize},
    {"__llvm_orc_ExecutorSharedMemoryMapperService_Release", (void *)shared_release},
    {"llvm_orc_registerEHFrameSectionWrapper", (void *)register_frames},
    {"llvm_orc_deregisterEHFrameSectionWrapper", (void *)deregister_frames},
    {"uruk_executor_hidden", &hidden},
    {0, 0},
};
