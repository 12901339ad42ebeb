/* What the executor says of itself: target, page size, and the addresses of what it offers. */

#include "executor.h"

#include <string.h>

/* Handles of objects that the services ask for: there is one of each. */
static char instance;

atomic_int attached;

struct result attach_wrapper(const char *data, size_t size)
{
    (void)data, (void)size;
    attached = 1;
    struct result nothing = {{0}, 0};
    return nothing;
}

static const struct symbol symbols[] = {
    {"__llvm_orc_SimpleRemoteEPC_dispatch_ctx", &instance},
    {"__llvm_orc_SimpleRemoteEPC_dispatch_fn", (void *)dispatch},
    {"__llvm_orc_bootstrap_mem_write_uint8s_wrapper", (void *)write_uint8s},
    {"__llvm_orc_bootstrap_mem_write_uint16s_wrapper", (void *)write_uint16s},
    {"__llvm_orc_bootstrap_mem_write_uint32s_wrapper", (void *)write_uint32s},
    {"__llvm_orc_bootstrap_mem_write_uint64s_wrapper", (void *)write_uint64s},
    {"__llvm_orc_bootstrap_mem_write_buffers_wrapper", (void *)write_buffers},
    {"__llvm_orc_bootstrap_run_as_main_wrapper", (void *)run_as_main},
    {"__llvm_orc_bootstrap_run_as_void_function_wrapper", (void *)run_as_void},
    {"__llvm_orc_bootstrap_run_as_int_function_wrapper", (void *)run_as_int},
    {"__llvm_orc_SimpleExecutorMemoryManager_Instance", &instance},
    {"__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper", (void *)memory_reserve},
    {"__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper", (void *)memory_finalize},
    {"__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper", (void *)memory_deallocate},
    {"__llvm_orc_SimpleExecutorDylibManager_Instance", &instance},
    {"__llvm_orc_SimpleExecutorDylibManager_open_wrapper", (void *)library_open},
    {"__llvm_orc_SimpleExecutorDylibManager_lookup_wrapper", (void *)library_lookup},
    {"uruk_executor_attached", (void *)attach_wrapper},
    {"uruk_executor_run_program", (void *)run_program_wrapper},
    {0, 0},
};

static word count_symbols(const struct symbol *first)
{
    word count = 0;
    while (first[count].name)
        count++;
    return count;
}

static void write_symbols(struct writer *writer, const struct symbol *first)
{
    for (word i = 0; first[i].name; i++) {
        write_text(writer, first[i].name, strlen(first[i].name));
        write_word(writer, (word)first[i].address);
    }
}

void send_setup(void)
{
    struct writer writer = {0};
    word pid = process_number();
    write_text(&writer, system_triple, strlen(system_triple));
    write_word(&writer, page_size());
    write_word(&writer, 1);
    write_text(&writer, "uruk.pid", 8);
    write_text(&writer, (char *)&pid, sizeof pid);
    write_word(&writer, count_symbols(symbols) + count_symbols(system_symbols) + count_symbols(runtime_symbols));
    write_symbols(&writer, symbols);
    write_symbols(&writer, system_symbols);
    write_symbols(&writer, runtime_symbols);
    if (writer.failed)
        give_up("no memory for the setup");
    struct result result = finish(&writer);
    send_frame(SETUP, 0, 0, result_data(&result), result.size);
    free_result(&result);
}
