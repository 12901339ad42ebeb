/* Memory that is shared with the controller: a file, which under wine may be a memory file of Linux's, or a named section.
 *
 * Only a view that was mapped writable and executable can be made the one or the other page by page (VirtualProtect), and
 * it begins as both. So it is made inaccessible before anything is in it.
 */

#include "reservations.h"

#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

static int64_t last_error(void)
{
    switch (GetLastError()) {
    case ERROR_ACCESS_DENIED:
        return ACCESS;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return NOT_FOUND;
    case ERROR_INVALID_ADDRESS:
        return EXISTS;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_COMMITMENT_LIMIT:
        return NO_MEMORY;
    default:
        return INVALID;
    }
}

static HANDLE open_file_section(const char *path, uint64_t size)
{
    DWORD rights = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE;
    HANDLE file = CreateFileA(path, rights, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
    if (file == INVALID_HANDLE_VALUE)
        return 0;
    HANDLE section = CreateFileMappingA(file, 0, PAGE_EXECUTE_READWRITE, (DWORD)(size >> 32), (DWORD)size, 0);
    DWORD error = GetLastError();
    CloseHandle(file);
    SetLastError(error);
    return section;
}

/* A path has a drive (`Z:\...`); the name of a section has none (`Local\...`). */
static HANDLE open_section(const char *name, uint64_t size)
{
    if (name[0] && name[1] == ':')
        return open_file_section(name, size);
    return OpenFileMappingA(FILE_MAP_ALL_ACCESS | FILE_MAP_EXECUTE, 0, name);
}

static int64_t map_at(HANDLE section, uint64_t size, uint64_t place)
{
    DWORD before;
    void *view = MapViewOfFileEx(section, FILE_MAP_WRITE | FILE_MAP_EXECUTE, 0, 0, size, (void *)place);
    if (!view)
        return last_error();
    if (VirtualProtect(view, size, PAGE_NOACCESS, &before) && keep_reservation((uint64_t)view, size, VIEW))
        return (int64_t)view;
    UnmapViewOfFile(view);
    return NO_MEMORY;
}

static int64_t map_within(HANDLE section, uint64_t size, uint64_t low, uint64_t high)
{
    if (!high)
        return map_at(section, size, 0);
    for (int try = 0; try < TRIES; try++) {
        uint64_t place = free_place(size, low, high);
        if (!place)
            return NO_MEMORY;
        int64_t result = map_at(section, size, place);
        if (result != EXISTS)
            return result;
    }
    return EXISTS;
}

/* Map a file or a section, as uruk_rt_mem_reserve reserves memory. -EACCES where its bytes may not be run. */
EXPORTED int64_t uruk_rt_mem_map_shared(const char *name, uint64_t size, uint64_t low, uint64_t high)
{
    HANDLE section = open_section(name, size);
    if (!section)
        return last_error();
    int64_t result = map_within(section, size, low, high);
    CloseHandle(section);
    return result;
}
