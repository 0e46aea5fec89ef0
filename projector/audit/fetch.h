/* One GET from a daemon's admin port, over a connection of its own. */
#pragma once

#include "common/base/loop.h"
#include "common/net/tls_client.h"

#include <stddef.h>

struct fetch;

struct fetch_where {
	const char *host;
	int port;
	const char *token; /* of the daemon; "": none */
	/* NULL: without TLS. Borrowed as long as the handle lives. */
	const struct tls_client_options *tls;
};

/* `body` NULL: no answer, or not a 200. Borrowed, NUL-terminated. */
typedef void (*fetch_done)(void *arg, const char *body, size_t len);

/* Copies its texts. `done` is called exactly once, from the loop, later, unless
 * it was cancelled; the handle is gone then. */
struct fetch *fetch_start(struct loop *l, const struct fetch_where *where,
    const char *path, dur_us_t timeout, fetch_done done, void *arg);
/* Takes and clears; `done` is not called any more. NULL is fine. */
void fetch_cancel(struct fetch **f);
