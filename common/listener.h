/* Listening sockets. */
#pragma once

#include "common/err.h"

#include <stdbool.h>

struct addrinfo;

/* The addresses of `host:port` (as below), to listen on or to connect to, where
 * `*` is this machine. NULL: there is none. Owned: freeaddrinfo. */
struct addrinfo *listener_resolve(const char *address, bool listen);
/* Can this machine alone connect to `host:port`? */
bool listener_is_loopback(const char *address);
/* Opens a listening TCP socket on `host:port` (host may be a name, `*` or in
 * brackets; port 0 takes any free one). With `shared`, several sockets may
 * have the same port (SO_REUSEPORT), of another process, too: open one without
 * it first, to see that the port is free. On success *fd is owned and *port is
 * the port. */
struct err listener_open(const char *address, bool shared, int *fd, int *port);
