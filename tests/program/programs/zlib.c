// zlib from the static library; the interpreter's own `inflate` must not be taken instead (a private version proves it).
//#compilers: gcc clang
//#link: {lib}/libz.a
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static unsigned char packed[20000], text[100000], back[100000];

int main(void)
{
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)("some text to pack"[i % 17] + (i / 1000) % 3);
    uLongf size = sizeof packed, again = sizeof back;
    int a = compress2(packed, &size, text, sizeof text, 9);
    int b = uncompress(back, &again, packed, size);
    printf("%d %d %lu %d\n", a, b, size, memcmp(text, back, sizeof text));
    packed[30] ^= 0x55;
    z_stream stream = {.next_in = packed, .avail_in = (uInt)size, .next_out = back, .avail_out = sizeof back};
    inflateInit(&stream);
    int damaged = inflate(&stream, Z_FINISH);
    printf("damaged %d\n", damaged != Z_STREAM_END);
    inflateEnd(&stream);
    printf("%08lx %08lx %s\n", crc32(0, text, 1000), adler32(1, text, 1000), zlibVersion());
    return 0;
}
