/* One request to a daemon's admin port, over a connection of its own. */
#pragma once

#include "common/base/loop.h"
#include "common/net/tls_client.h"

#include <stdbool.h>
#include <stddef.h>

struct fetch;

struct fetch_where {
	const char *host;
	int port;
	const char *token; /* of the daemon; "": none */
	/* NULL: without TLS. Borrowed as long as the handle lives. */
	const struct tls_client_options *tls;
};

struct fetch_what {
	const char *method, *path;
	const char *body; /* JSON; NULL: none */
	size_t body_len;
	size_t most; /* bytes of an answer; a longer one is none */
};

/* The host and the port of `host:port` or `https://host:port`; *host is owned.
 * False: it is neither. */
bool fetch_address(const char *address, char **host, int *port, bool *secure);

/* `status` 0: no answer. `body` is borrowed and NUL-terminated. */
typedef void (*fetch_done)(void *arg, int status, const char *body, size_t len);

/* Copies its texts. `done` is called exactly once, from the loop, later, unless
 * it was cancelled; the handle is gone then. */
struct fetch *fetch_start(struct loop *l, const struct fetch_where *where,
    const struct fetch_what *what, dur_us_t timeout, fetch_done done,
    void *arg);
/* Takes and clears; `done` is not called any more. NULL is fine. */
void fetch_cancel(struct fetch **f);
