/* The functions of the runtime, which Windows's executor has, and no services of its own. */

#include "windows_parts.h"

const char system_triple[] = "x86_64-w64-windows-gnu";

extern char uruk_rt_callback_tag, uruk_rt_lazy_tag;
extern void uruk_rt_callback_enter(void), uruk_rt_call_wrapper(void), uruk_rt_connect(void), uruk_rt_read_wrapper(void);
extern void uruk_rt_store(void);
extern void uruk_rt_mem_reserve(void), uruk_rt_mem_protect(void), uruk_rt_mem_discard(void), uruk_rt_mem_zero(void);
extern void uruk_rt_mem_map_shared(void), uruk_rt_mem_release(void);
extern void uruk_rt_deregister_module(void), uruk_rt_find_in_threads(void), uruk_rt_find_symbols(void);
extern void uruk_rt_hand_on(void), uruk_rt_keep_words(void);
extern void uruk_rt_register_module(void), uruk_rt_string_size(void);
extern void uruk_rt_cxx_throw(void), uruk_rt_static_abort(void), uruk_rt_static_begin(void), uruk_rt_static_end(void);
extern void uruk_rt_command_line(void), uruk_rt_wide_command_line(void);
extern void uruk_rt_absent_function(void), uruk_rt_atexit(void), uruk_rt_finalize(void), uruk_rt_nothing(void), uruk_rt_register_finalizers(void);
extern void uruk_rt_run_initializers(void), uruk_rt_run_program(void), uruk_rt_set_arguments(void), uruk_rt_set_crt(void), uruk_rt_set_resources(void);
extern void uruk_rt_end_with_result(void), uruk_rt_result(void), uruk_rt_set_result(void);
extern void uruk_rt_call_main(void), uruk_rt_pending_thread_atexit(void), uruk_rt_thread_atexit(void);
extern void uruk_rt_lazy_ask(void), uruk_rt_lazy_begin(void), uruk_rt_lazy_close(void), uruk_rt_lazy_open(void);
extern void uruk_rt_lazy_in_flight(void);
extern void uruk_rt_lazy_set_handler(void), uruk_rt_lazy_start(void), uruk_rt_lazy_stop(void), uruk_rt_lazy_write(void);

#define FUNCTION(name) {#name, (void *)name}

const struct symbol system_symbols[] = {{0, 0}};

const struct symbol runtime_symbols[] = {
    FUNCTION(uruk_rt_absent_function),
    FUNCTION(uruk_rt_atexit),
    FUNCTION(uruk_rt_call_main),
    FUNCTION(uruk_rt_call_wrapper),
    FUNCTION(uruk_rt_callback_enter),
    {"uruk_rt_callback_tag", &uruk_rt_callback_tag},
    FUNCTION(uruk_rt_command_line),
    FUNCTION(uruk_rt_connect),
    FUNCTION(uruk_rt_cxx_throw),
    FUNCTION(uruk_rt_deregister_module),
    FUNCTION(uruk_rt_end_with_result),
    FUNCTION(uruk_rt_finalize),
    FUNCTION(uruk_rt_find_in_threads),
    FUNCTION(uruk_rt_find_symbols),
    FUNCTION(uruk_rt_hand_on),
    FUNCTION(uruk_rt_keep_words),
    FUNCTION(uruk_rt_lazy_ask),
    FUNCTION(uruk_rt_lazy_begin),
    FUNCTION(uruk_rt_lazy_close),
    FUNCTION(uruk_rt_lazy_in_flight),
    FUNCTION(uruk_rt_lazy_open),
    FUNCTION(uruk_rt_lazy_set_handler),
    FUNCTION(uruk_rt_lazy_start),
    FUNCTION(uruk_rt_lazy_stop),
    {"uruk_rt_lazy_tag", &uruk_rt_lazy_tag},
    FUNCTION(uruk_rt_lazy_write),
    FUNCTION(uruk_rt_mem_discard),
    FUNCTION(uruk_rt_mem_map_shared),
    FUNCTION(uruk_rt_mem_protect),
    FUNCTION(uruk_rt_mem_release),
    FUNCTION(uruk_rt_mem_reserve),
    FUNCTION(uruk_rt_mem_zero),
    FUNCTION(uruk_rt_nothing),
    FUNCTION(uruk_rt_pending_thread_atexit),
    FUNCTION(uruk_rt_read_wrapper),
    FUNCTION(uruk_rt_register_finalizers),
    FUNCTION(uruk_rt_register_module),
    FUNCTION(uruk_rt_result),
    FUNCTION(uruk_rt_run_initializers),
    FUNCTION(uruk_rt_run_program),
    FUNCTION(uruk_rt_set_arguments),
    FUNCTION(uruk_rt_set_crt),
    FUNCTION(uruk_rt_set_resources),
    FUNCTION(uruk_rt_set_result),
    FUNCTION(uruk_rt_static_abort),
    FUNCTION(uruk_rt_static_begin),
    FUNCTION(uruk_rt_static_end),
    FUNCTION(uruk_rt_store),
    FUNCTION(uruk_rt_string_size),
    FUNCTION(uruk_rt_thread_atexit),
    FUNCTION(uruk_rt_wide_command_line),
    {0, 0},
};
