/* GetCommandLine of linked code: the program's, where natively that of the process, which here names the executor's line. */

#include <stdint.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

static const char *narrow;
static const WCHAR *wide;

/* Both texts stay. Without them code gets the process's own. */
EXPORTED int64_t uruk_rt_set_command_line(const char *narrow_text, const WCHAR *wide_text)
{
    narrow = narrow_text, wide = wide_text;
    return 0;
}

EXPORTED const char *uruk_rt_command_line(void)
{
    return narrow ? narrow : GetCommandLineA();
}

EXPORTED const WCHAR *uruk_rt_wide_command_line(void)
{
    return wide ? wide : GetCommandLineW();
}
