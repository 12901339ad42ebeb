/* Wait for a controller on a socket; see runtime/executor/linux/listen.c for who may come.
 *
 * Clients come one after the other here, and each has 10 seconds for the secret. */

#include <winsock2.h>

#include "windows_parts.h"

#include <string.h>
#include <windows.h>

enum { PATIENCE = 10000, MOST_SECRET = 4096, MARK = 8, HEAD = 16, ADDRESS = 4, NO_DELAY = 1 /* TCP_NODELAY */ };

/* ws2_32.dll is loaded by those who listen only. */
#define FUNCTION(name) static __typeof__(name) *p_##name
FUNCTION(WSAStartup);
FUNCTION(socket);
FUNCTION(bind);
FUNCTION(listen);
FUNCTION(accept);
FUNCTION(getsockname);
FUNCTION(setsockopt);
FUNCTION(closesocket);
FUNCTION(recv);
FUNCTION(send);

static void load(void)
{
    HMODULE library = LoadLibraryA("ws2_32.dll");
    WSADATA data;
#define LOAD(name) p_##name = (__typeof__(p_##name))(void *)GetProcAddress(library, #name)
    if (!library)
        give_up("there are no sockets: ws2_32.dll is not found");
    LOAD(WSAStartup), LOAD(socket), LOAD(bind), LOAD(listen), LOAD(accept);
    LOAD(getsockname), LOAD(setsockopt), LOAD(closesocket), LOAD(recv), LOAD(send);
    if (p_WSAStartup(0x0202, &data))
        give_up("there are no sockets");
}

static char secret[MOST_SECRET + 2];
static word secret_size;

/* Nothing of it stays in the environment, where the program would see it. */
static void read_secret(void)
{
    SetLastError(0);
    DWORD size = GetEnvironmentVariableA("URUK_SECRET", secret, sizeof secret);
    int is_set = size || GetLastError() != ERROR_ENVVAR_NOT_FOUND;
    SetEnvironmentVariableA("URUK_SECRET", 0);
    if (is_set && (!size || size > MOST_SECRET))
        give_up("the secret of URUK_SECRET cannot be used: it has 1 to 4096 bytes; nothing listens without it");
    if (!is_set && GetEnvironmentVariableA("URUK_SECRET_FILE", 0, 0))
        give_up("the secret of URUK_SECRET_FILE is not read on Windows: put it into URUK_SECRET");
    secret_size = is_set ? size : 0;
}

/* An address as four numbers, and a port. */
static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    unsigned char bytes[ADDRESS + 2];
    word numbers[ADDRESS + 1];
    int count = 0;
    char part[16];
    for (int length = 0;; text++) {
        if (*text && *text != '.' && *text != ':' && length < (int)sizeof part - 1) {
            part[length++] = *text;
            continue;
        }
        part[length] = 0;
        numbers[count++] = parse_number(part);
        if (!*text || count > ADDRESS || (*text == ':') != (count == ADDRESS))
            break;
        length = 0;
    }
    for (int i = 0; i < count; i++)
        if (numbers[i] > (i < ADDRESS ? 255 : 65535))
            count = 0;
    if (*text || count != ADDRESS + 1)
        give_up("listen=HOST:PORT is wanted, with the host as four numbers");
    for (int i = 0; i < ADDRESS; i++)
        bytes[i] = (unsigned char)numbers[i];
    bytes[ADDRESS] = (unsigned char)(numbers[ADDRESS] >> 8), bytes[ADDRESS + 1] = (unsigned char)numbers[ADDRESS];
    memcpy(&address.sin_addr, bytes, ADDRESS);
    memcpy(&address.sin_port, bytes + ADDRESS, 2);
    return address;
}

static void tell_address(SOCKET listening)
{
    struct sockaddr_in address;
    int size = sizeof address;
    unsigned char host[ADDRESS], port[2];
    char text[64];
    DWORD written;
    if (p_getsockname(listening, (struct sockaddr *)&address, &size))
        give_up("the socket has no address");
    memcpy(host, &address.sin_addr, sizeof host);
    memcpy(port, &address.sin_port, sizeof port);
    size_t length = format_text(text, sizeof text, "listening on %d.%d.%d.%d:%d\n", host[0], host[1], host[2], host[3],
                                port[0] << 8 | port[1]);
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)length, &written, 0);
}

static SOCKET open_socket(const char *text)
{
    struct sockaddr_in address = address_of(text);
    unsigned char first;
    memcpy(&first, &address.sin_addr, 1);
    if (first != 127 && !secret_size)
        give_up("listening beyond loopback wants a secret, in URUK_SECRET");
    SOCKET listening = p_socket(AF_INET, SOCK_STREAM, 0);
    if (listening == INVALID_SOCKET || p_bind(listening, (struct sockaddr *)&address, sizeof address) ||
        p_listen(listening, SOMAXCONN))
        give_up("the address cannot be listened on");
    tell_address(listening);
    return listening;
}

/* All bytes, before the time `end`. */
static int hear(SOCKET client, char *data, word size, word end)
{
    for (word got = 0; got < size;) {
        word time = now(), left = time < end ? (end - time) / 1000000 : 0;
        DWORD patience = (DWORD)left;
        if (!patience || p_setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, (char *)&patience, sizeof patience))
            return 0;
        int done = p_recv(client, data + got, (int)(size - got), 0);
        if (done <= 0)
            return 0;
        got += (word)done;
    }
    return 1;
}

/* How long the answer takes tells nothing of the secret. */
static int knows_secret(SOCKET client)
{
    static char said[HEAD + MOST_SECRET];
    word end = now() + (word)PATIENCE * 1000000, length;
    if (!hear(client, said, HEAD, end) || memcmp(said, "URUKAUTH", MARK))
        return 0;
    memcpy(&length, said + MARK, sizeof length);
    if (length > MOST_SECRET || !hear(client, said + HEAD, length, end))
        return 0;
    unsigned different = length != secret_size;
    for (word i = 0; i < secret_size; i++)
        different |= (unsigned char)(secret[i] ^ (i < length ? said[HEAD + i] : 0));
    return !different;
}

static SOCKET line_socket;

static int receive_some(void *data, int size)
{
    return p_recv(line_socket, data, size, 0);
}

static int send_some(const void *data, int size)
{
    return p_send(line_socket, data, size, 0);
}

void accept_connection(const char *text)
{
    DWORD yes = 1, for_ever = 0;
    load();
    read_secret();
    SOCKET listening = open_socket(text), client;
    for (;;) {
        client = p_accept(listening, 0, 0);
        if (client != INVALID_SOCKET && (!secret_size || knows_secret(client)))
            break;
        if (client != INVALID_SOCKET)
            p_closesocket(client);
        else
            Sleep(100);
    }
    p_closesocket(listening);
    memset(secret, 0, sizeof secret);
    p_setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, (char *)&for_ever, sizeof for_ever);
    p_setsockopt(client, IPPROTO_TCP, NO_DELAY, (char *)&yes, sizeof yes);
    line_socket = client;
    open_line_of(receive_some, send_some);
}
