/* A connection to a server on a loop, with TLS or without: bytes out, bytes in.
 *
 * What is sent is written once per turn of the loop, before it blocks. So all
 * that was sent in a turn is one packet, and no system call is needed to poll a
 * socket that is nearly always writable. The socket is polled for writing only
 * if its buffer is full, or while it connects.
 */
#pragma once

#include "common/net/tls_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct client_conn;

struct client_conn_options {
	uv_loop_t *loop;
	const char *address; /* numeric */
	int port;
	/* NULL: without TLS. `host` is who the server must be. Borrowed as long
	 * as the connection lives. */
	const struct tls_client_options *tls;
	const char *host;
	/* It takes bytes now. */
	void (*connected)(void *arg);
	/* Some have arrived. */
	void (*data)(void *arg, const char *bytes, size_t len);
	/* It is of no use any more: call client_conn_free. `ended`: the server
	 * has closed it in an orderly way. */
	void (*lost)(void *arg, bool ended, const char *why);
	void *arg;
};

/* Begins to connect. `lost` may tell that it failed, later. Returns owned. */
struct client_conn *client_conn_new(const struct client_conn_options *o);
/* After `connected`. Copies the bytes. */
void client_conn_send(struct client_conn *c, const void *data, size_t len);
/* Calls none of these any more. Also from within any of them. NULL is fine. */
void client_conn_free(struct client_conn **c);
