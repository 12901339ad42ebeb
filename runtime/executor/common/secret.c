/* The secret that a controller must know; where it comes from is the system's. */

#include "listening.h"

#include <string.h>

static char secret[MOST_SECRET];
static size_t secret_size;

void wipe(void *data, size_t size)
{
    for (volatile char *at = data; size; size--)
        *at++ = 0;
}

void unusable_secret(const char *source, const char *problem)
{
    static char text[8192]; /* a path may be long */
    format_text(text, sizeof text, "the secret of %s cannot be used: %s; nothing listens without it", source, problem);
    give_up(text);
}

void keep_secret(const char *source, char data[SECRET_ROOM], size_t size)
{
    if (!size)
        unusable_secret(source, "it is empty");
    if (size > MOST_SECRET)
        unusable_secret(source, "it is longer than 4096 bytes");
    memcpy(secret, data, size);
    secret_size = size;
    wipe(data, SECRET_ROOM);
}

void keep_secret_of_file(const char *path, char data[SECRET_ROOM], size_t size)
{
    while (size && (data[size - 1] == '\n' || data[size - 1] == '\r'))
        size--;
    keep_secret(path, data, size);
}

int has_secret(void)
{
    return secret_size != 0;
}

/* Compare in constant time: how long it takes does not depend on where the first difference is. */
int is_secret(const char *said, size_t length)
{
    unsigned different = length != secret_size;
    for (size_t i = 0; i < secret_size; i++)
        different |= (unsigned char)(secret[i] ^ (i < length ? said[i] : 0));
    return !different;
}

void forget_secret(void)
{
    wipe(secret, sizeof secret);
}
