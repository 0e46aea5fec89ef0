/* A connection to Redis on a loop: commands out, replies in, in order.
 *
 * hiredis reads the replies. Its own connections are not used: hiredis 0.14 has
 * no TLS, and its adapter for libuv ignores errors of the socket.
 */
#pragma once

#include "common/net/client_conn.h"

#include <hiredis/hiredis.h>
#include <stddef.h>

struct redis_conn;

/* The reply to a command, borrowed for the call; NULL: the connection was freed
 * first. */
typedef void (*redis_conn_done)(
    struct redis_conn *c, const redisReply *reply, void *arg);

struct redis_conn_options {
	uv_loop_t *loop;
	/* As in struct client_conn_options. */
	const char *address;
	int port;
	const struct tls_client_options *tls;
	const char *host;
	/* It can take commands. */
	void (*connected)(void *arg);
	/* It is of no use any more: call redis_conn_free. */
	void (*lost)(void *arg, const char *why);
	void *arg;
};

/* Begins to connect. `lost` may tell that it failed, later. Returns owned. */
struct redis_conn *redis_conn_new(const struct redis_conn_options *o);
/* After `connected`. Copies the arguments. `done` is called exactly once,
 * later, in the order of the commands. */
void redis_conn_command(struct redis_conn *c, int argc, const char *const *argv,
    const size_t *lens, redis_conn_done done, void *arg);
/* The `arg` of its options. */
void *redis_conn_owner(const struct redis_conn *c);
/* Calls every `done` that is left with NULL, and none of the others any more.
 * Also from within any of them. NULL is fine. */
void redis_conn_free(struct redis_conn **c);
