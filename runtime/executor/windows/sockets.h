/* What of winsock is used. ws2_32.dll is loaded by those who listen only. */

#pragma once

#define FD_SETSIZE 128 /* of winsock2.h: more than MOST_CLIENTS */
#include <winsock2.h>

#include "listening.h"
#include "windows_parts.h"

#include <windows.h>

struct winsock {
    __typeof__(WSAStartup) *WSAStartup;
    __typeof__(WSAGetLastError) *WSAGetLastError;
    __typeof__(WSADuplicateSocketW) *WSADuplicateSocketW;
    __typeof__(WSASocketW) *WSASocketW;
    __typeof__(socket) *socket;
    __typeof__(bind) *bind;
    __typeof__(listen) *listen;
    __typeof__(accept) *accept;
    __typeof__(select) *select;
    __typeof__(ioctlsocket) *ioctlsocket;
    __typeof__(getsockname) *getsockname;
    __typeof__(setsockopt) *setsockopt;
    __typeof__(shutdown) *shutdown;
    __typeof__(closesocket) *closesocket;
    __typeof__(recv) *recv;
    __typeof__(send) *send;
};
extern struct winsock winsock;
void load_winsock(void);
