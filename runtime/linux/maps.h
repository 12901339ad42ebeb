/* Reads /proc/self/maps line by line, without memory of its own. MAPS_BUFFER says how many bytes at a time. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

struct maps {
    int file;
    unsigned begin, end;
    char bytes[MAPS_BUFFER];
};

static int next_byte(struct maps *maps)
{
    if (maps->begin == maps->end) {
        ssize_t got;
        do
            got = read(maps->file, maps->bytes, sizeof maps->bytes);
        while (got < 0 && errno == EINTR);
        if (got <= 0)
            return -1;
        maps->begin = 0;
        maps->end = (unsigned)got;
    }
    return (unsigned char)maps->bytes[maps->begin++];
}

/* A hexadecimal number and the byte behind it, which is returned; -1 at the end of the file. */
static int next_number(struct maps *maps, uint64_t *number)
{
    *number = 0;
    for (;;) {
        int byte = next_byte(maps);
        if (byte >= '0' && byte <= '9')
            *number = *number << 4 | (uint64_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            *number = *number << 4 | (uint64_t)(byte - 'a' + 10);
        else
            return byte;
    }
}
