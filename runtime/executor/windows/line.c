/* The line to the controller: two files, which are pipes, or a socket. */

#include "windows_parts.h"

#include <string.h>
#include <windows.h>

enum {
    MOST = 1 << 30,      /* bytes of one call: sizes are 32 bits */
    BAD_ADDRESS = 10014, /* WSAEFAULT */
};

static HANDLE line_in, line_out;

static int read_file(void *data, int size)
{
    DWORD done;
    return ReadFile(line_in, data, (DWORD)size, &done, 0) ? (int)done : -1;
}

static int write_file(const void *data, int size)
{
    DWORD done;
    return WriteFile(line_out, data, (DWORD)size, &done, 0) ? (int)done : -1;
}

static int (*receive)(void *, int) = read_file; /* bytes done; 0 or less at the end */
static int (*send)(const void *, int) = write_file;
static void (*end)(void);

void open_files(word in, word out)
{
    line_in = (HANDLE)in;
    line_out = (HANDLE)out;
}

void open_line_of(int (*receive_some)(void *, int), int (*send_some)(const void *, int), void (*end_of_sending)(void))
{
    receive = receive_some;
    send = send_some;
    end = end_of_sending;
}

void end_sending(void)
{
    if (end)
        end();
}

word parse_number(const char *text)
{
    word number = 0;
    if (!*text)
        return ~(word)0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number >> 32)
            return ~(word)0;
        number = number * 10 + (word)(*text - '0');
    }
    return number;
}

/* A program under wine inherits no descriptors but its standard streams. It opens those of the controller by path. */
static HANDLE open_descriptor(const char *controller, const char *number, DWORD access)
{
    char path[64];
    if (parse_number(controller) == ~(word)0 || parse_number(number) == ~(word)0)
        give_up("filedescs=IN,OUT and controller=PID want numbers");
    format_text(path, sizeof path, "Z:\\proc\\%s\\fd\\%s", controller, number);
    HANDLE file = CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
    if (file == INVALID_HANDLE_VALUE)
        give_up("the controller's descriptors cannot be opened");
    return file;
}

void open_descriptors(const char *controller, const char *in, const char *out)
{
    line_in = open_descriptor(controller, in, GENERIC_READ);
    line_out = open_descriptor(controller, out, GENERIC_WRITE);
}

static int write_all(const char *data, size_t size)
{
    for (int done; size; data += done, size -= (size_t)done)
        if ((done = send(data, size < MOST ? (int)size : MOST)) <= 0)
            return 0;
    return 1;
}

/* A small message goes in one piece, as each piece wakes the controller. One thread at a time writes. */
int write_line(const struct header *header, const void *data, size_t size)
{
    static char small[256]; /* not on the stack, of which a thread that has crashed may have little */
    if (size > sizeof small - sizeof *header)
        return write_all((const char *)header, sizeof *header) && write_all(data, size);
    memcpy(small, header, sizeof *header);
    memcpy(small + sizeof *header, data, size);
    return write_all(small, sizeof *header + size);
}

/* What came beyond what was asked for. A call costs more than a copy, so that a header and a small message come in one. Who
 * reads the line has it alone. */
static char ahead[1024];
static size_t ahead_begin, ahead_end;

static size_t take_ahead(char *data, size_t size)
{
    size_t left = ahead_end - ahead_begin, part = size < left ? size : left;
    memcpy(data, ahead + ahead_begin, part);
    ahead_begin += part;
    return part;
}

static int read_ahead(void)
{
    int done = receive(ahead, sizeof ahead);
    ahead_begin = 0;
    ahead_end = done > 0 ? (size_t)done : 0;
    return done;
}

size_t read_line(void *data, size_t size)
{
    size_t got = take_ahead(data, size);
    while (got < size) {
        size_t left = size - got;
        int done = left < sizeof ahead ? read_ahead() : receive((char *)data + got, left < MOST ? (int)left : MOST);
        if (done <= 0)
            break;
        got += left < sizeof ahead ? take_ahead((char *)data + got, left) : (size_t)done;
    }
    return got;
}

static int is_writable(word at, size_t size)
{
    enum { WRITABLE = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY };
    MEMORY_BASIC_INFORMATION region;
    for (word end = at + size; at < end; at = (word)region.BaseAddress + region.RegionSize)
        if (!VirtualQuery((void *)at, &region, sizeof region) || region.State != MEM_COMMIT ||
            !(region.Protect & WRITABLE) || region.Protect & PAGE_GUARD)
            return 0;
    return 1;
}

/* What did not come ahead comes where it belongs, where the system looks whether it may be written. */
size_t store_line(void *data, size_t size, int *refused)
{
    size_t part = ahead_end - ahead_begin < size ? ahead_end - ahead_begin : size;
    *refused = part && !is_writable((word)data, part);
    size_t got = *refused ? 0 : take_ahead(data, size);
    for (int done; !*refused && got < size; got += (size_t)done) {
        size_t left = size - got;
        done = receive((char *)data + got, left < MOST ? (int)left : MOST);
        if (done < 0)
            *refused = GetLastError() == ERROR_NOACCESS || GetLastError() == BAD_ADDRESS;
        if (done <= 0)
            break;
    }
    return got;
}
