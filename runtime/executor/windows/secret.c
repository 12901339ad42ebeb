/* Where the secret comes from: URUK_SECRET, or the file that URUK_SECRET_FILE names. */

#include "sockets.h"

enum { PATIENCE = 10000, BACK_OFF = 10, MOST_PATH = 4096 };

static char path[MOST_PATH], on_drive[MOST_PATH + 8];
static volatile int has_come;

/* A pipe may have a writer that is slow, and a read of Windows waits for ever. */
static void watch(void *argument)
{
    (void)argument;
    Sleep(PATIENCE);
    if (!has_come)
        unusable_secret(path, "it does not come within 10 seconds");
}

static void __attribute__((noreturn)) unreadable(void)
{
    char text[64];
    unsigned number = (unsigned)GetLastError(), attributes = (unsigned)GetFileAttributesA(on_drive);
    if (attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY)
        unusable_secret(path, "Is a directory");
    if (number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND || !*path)
        unusable_secret(path, "No such file or directory");
    format_text(text, sizeof text, "it cannot be read (Windows error %u)", number);
    unusable_secret(path, text);
}

/* Under wine a path may be one of the system below, whose files are on drive Z. */
static size_t read_file(char data[SECRET_ROOM])
{
    size_t size = 0;
    DWORD done;
    format_text(on_drive, sizeof on_drive, *path == '/' && is_wine() ? "Z:%s" : "%s", path);
    start_thread(watch, 0);
    HANDLE file = CreateFileA(on_drive, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
    if (file == INVALID_HANDLE_VALUE)
        unreadable();
    while (size < SECRET_ROOM) {
        if (!ReadFile(file, data + size, (DWORD)(SECRET_ROOM - size), &done, 0) && GetLastError() != ERROR_BROKEN_PIPE)
            unreadable();
        if (!done && (size || GetFileType(file) != FILE_TYPE_PIPE))
            break;
        if (!done)
            Sleep(BACK_OFF); /* nobody writes to a pipe yet, which wine does not wait for */
        size += done;
    }
    has_come = 1;
    CloseHandle(file);
    return size;
}

/* Read the secret, if there is to be one. Nothing of it stays in the environment, where the program would see it. */
void read_secret(void)
{
    static char data[SECRET_ROOM];
    SetLastError(0);
    DWORD size = GetEnvironmentVariableA("URUK_SECRET", data, sizeof data); /* the size that it wants, if it is larger */
    if (size || GetLastError() != ERROR_ENVVAR_NOT_FOUND) {
        keep_secret("URUK_SECRET", data, size);
    } else {
        SetLastError(0);
        size = GetEnvironmentVariableA("URUK_SECRET_FILE", path, sizeof path);
        if (size >= sizeof path)
            give_up("the path of URUK_SECRET_FILE is too long; nothing listens without it");
        if (size || GetLastError() != ERROR_ENVVAR_NOT_FOUND)
            keep_secret_of_file(path, data, read_file(data));
    }
    SetEnvironmentVariableA("URUK_SECRET", 0);
    SetEnvironmentVariableA("URUK_SECRET_FILE", 0);
}
