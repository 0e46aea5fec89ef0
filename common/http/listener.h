/* Listening sockets. */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct addrinfo;

/* The addresses of `host:port` (as below), to listen on or to connect to, where
 * `*` is this machine. NULL: there is none. Owned: freeaddrinfo. */
struct addrinfo *listener_resolve(const char *address, bool listen);
/* Can this machine alone connect to `host:port`? */
bool listener_is_loopback(const char *address);
/* Binds a TCP socket to `host:port` (host may be a name, `*` or in brackets;
 * port 0 takes any free one). Connections are refused until listener_start.
 * With `shared`, several sockets may have the same port (SO_REUSEPORT), of
 * another process, too: bind one without it first, to see that nobody listens
 * there. On success *fd is owned and *port is the port. */
struct err listener_bind(const char *address, bool shared, int *fd, int *port);
/* From now on it takes connections. The address is for the error's text. */
struct err listener_start(int fd, const char *address);
/* Refuses new connections from now on. Those whose handshake has begun still
 * arrive. Closing the socket would reset them, so accept for a while, then
 * close. If the kernel cannot do this (Linux before 5.0), nothing changes. */
void listener_refuse(int fd);
/* Connections that wait to be accepted. */
size_t listener_queued(int fd);
