/* Wait for a controller on a socket; see runtime/executor/linux/listen.c for who may come. */

#include "sockets.h"

#include <inttypes.h>
#include <string.h>

enum { ADDRESS = 4, NO_DELAY = 1 /* TCP_NODELAY */, MOST_PATH = 1024 };

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
    if (winsock.getsockname(listening, (struct sockaddr *)&address, &size))
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
    u_long yes = 1;
    memcpy(&first, &address.sin_addr, 1);
    if (first != 127 && !has_secret())
        give_up("listening beyond loopback wants a secret, in URUK_SECRET or the file of URUK_SECRET_FILE");
    SOCKET listening = winsock.socket(AF_INET, SOCK_STREAM, 0);
    if (listening == INVALID_SOCKET || winsock.bind(listening, (struct sockaddr *)&address, sizeof address) ||
        winsock.listen(listening, MOST_CLIENTS) || winsock.ioctlsocket(listening, FIONBIO, &yes))
        give_up("the address cannot be listened on");
    SetHandleInformation((HANDLE)listening, HANDLE_FLAG_INHERIT, 0);
    tell_address(listening);
    return listening;
}

static SOCKET line_socket;

static int receive_some(void *data, int size)
{
    return winsock.recv(line_socket, data, size, 0);
}

static int send_some(const void *data, int size)
{
    return winsock.send(line_socket, data, size, 0);
}

static void end_of_sending(void)
{
    winsock.shutdown(line_socket, SD_SEND);
}

static void use(SOCKET client)
{
    DWORD yes = 1;
    u_long no = 0;
    winsock.ioctlsocket(client, FIONBIO, &no);
    winsock.setsockopt(client, IPPROTO_TCP, NO_DELAY, (char *)&yes, sizeof yes);
    line_socket = client;
    open_line_of(receive_some, send_some, end_of_sending);
}

/* An executor for a client that may come in: this program again, which inherits the client's socket. */
static void start_executor(SOCKET client)
{
    static char path[MOST_PATH], command[MOST_PATH + 64];
    STARTUPINFOA start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    GetModuleFileNameA(0, path, sizeof path);
    format_text(command, sizeof command, "\"%s\" socket=%" PRIu64 "%s", path, (word)client,
                crashes_are_reported ? " report-crashes" : "");
    SetHandleInformation((HANDLE)client, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    if (!CreateProcessA(path, command, 0, 0, 1, 0, 0, 0, &start, &process))
        return; /* the client sees its connection closed */
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
}

/* Go on with a connection of a process that serves. wine 8 sends through sockets only that it has made in this process:
 * so it makes one out of the handle that was inherited. */
void take_connection(word socket)
{
    WSAPROTOCOL_INFOW info;
    load_winsock();
    if (winsock.WSADuplicateSocketW((SOCKET)socket, GetCurrentProcessId(), &info))
        give_up("socket=HANDLE wants an inherited socket");
    use(winsock.WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, 0));
    close_socket(socket);
}

/* Go on with the connection of a controller that may come in. With `serve_for_ever` a new process does for each. */
void accept_connection(const char *text, int serve_for_ever)
{
    load_winsock();
    read_secret();
    SOCKET listening = open_socket(text), client;
    while ((client = (SOCKET)next_controller((word)listening)), serve_for_ever) {
        start_executor(client);
        close_socket((word)client);
    }
    forget_clients();
    forget_secret();
    close_socket((word)listening);
    use(client);
}
