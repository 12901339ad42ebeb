/* Sockets as listening.h wants them, by winsock. */

#include "sockets.h"

enum { SECOND = 1000000000, MICROSECOND = 1000 };

struct winsock winsock;

void load_winsock(void)
{
    HMODULE library = LoadLibraryA("ws2_32.dll");
    WSADATA data;
    if (!library)
        give_up("there are no sockets: ws2_32.dll is not found");
#define LOAD(name) winsock.name = (__typeof__(winsock.name))(void *)GetProcAddress(library, #name)
    LOAD(WSAStartup), LOAD(WSAGetLastError), LOAD(WSADuplicateSocketW), LOAD(WSASocketW);
    LOAD(socket), LOAD(bind), LOAD(listen), LOAD(accept), LOAD(select), LOAD(ioctlsocket);
    LOAD(getsockname), LOAD(setsockopt), LOAD(shutdown), LOAD(closesocket), LOAD(recv), LOAD(send);
    if (winsock.WSAStartup(0x0202, &data))
        give_up("there are no sockets");
}

void close_socket(word socket)
{
    winsock.closesocket((SOCKET)socket);
}

/* Nothing of it waits, and a process for another client does not inherit it. */
word accept_now(word listening, int *full)
{
    u_long yes = 1;
    SOCKET client = winsock.accept((SOCKET)listening, 0, 0);
    int problem = client == INVALID_SOCKET ? winsock.WSAGetLastError() : 0;
    *full = problem == WSAEMFILE || problem == WSAENOBUFS;
    if (client == INVALID_SOCKET)
        return NO_SOCKET;
    SetHandleInformation((HANDLE)client, HANDLE_FLAG_INHERIT, 0);
    winsock.ioctlsocket(client, FIONBIO, &yes);
    return (word)client;
}

int receive_now(word socket, void *data, size_t size)
{
    int got = winsock.recv((SOCKET)socket, data, (int)size, 0);
    if (got < 0 && winsock.WSAGetLastError() == WSAEWOULDBLOCK)
        return 0;
    return got > 0 ? got : -1;
}

void wait_for_sockets(const word *sockets, char *ready, int count, word nanoseconds)
{
    fd_set set;
    int seconds = (int)(nanoseconds / SECOND), microseconds = (int)(nanoseconds % SECOND / MICROSECOND);
    struct timeval patience = {seconds, microseconds};
    set.fd_count = (unsigned)count;
    for (int i = 0; i < count; i++)
        set.fd_array[i] = (SOCKET)sockets[i];
    int done = winsock.select(0, &set, 0, 0, nanoseconds == FOR_EVER ? 0 : &patience);
    if (done < 0)
        give_up("nobody can be waited for");
    for (int i = 0; i < count; i++) {
        ready[i] = 0;
        for (unsigned at = 0; at < set.fd_count && done; at++)
            ready[i] |= set.fd_array[at] == (SOCKET)sockets[i];
    }
}
