/* The admin listener that every daemon has: GET /livez, /readyz, /metrics,
 * /stats, /config, and what a daemon adds. Pages of other origins are refused
 * (common/http/origin_check.h).
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/loop.h"
#include "common/base/metrics.h"
#include "common/daemon/config.h"

#include <stdbool.h>

struct admin;

/* A request to a path that is none of the listener's own. */
struct admin_exchange {
	const char *method;
	const char *path;
	const char *body; /* NUL-terminated */
	size_t body_len;
};

/* An argument of the query, or NULL. */
const char *admin_argument(const struct admin_exchange *x, const char *name);
/* Exactly once, from inside of `handle` or later, on the loop; takes the body,
 * JSON. The exchange is gone then. */
void admin_answer(struct admin_exchange *x, unsigned status, struct buf *body);

struct admin_options {
	struct loop *loop;
	const char *address;
	const struct config *config;
	const struct metric_row *rows;
	size_t nrows;
	const void *const *instances; /* one metrics struct per thread */
	size_t ninstances;
	/* Appends a line per reason why the daemon is not ready; true: ready.
	 */
	bool (*ready)(void *arg, struct buf *reasons);
	/* Refreshes gauges before a scrape. May be NULL. */
	void (*refresh)(void *arg);
	/* Appends a JSON object. */
	void (*stats)(void *arg, struct buf *json);
	/* Takes an exchange, to answer it; false: there is no such path. May be
	 * NULL. */
	bool (*handle)(void *arg, struct admin_exchange *x);
	void *arg;
};

struct err admin_new(const struct admin_options *o, struct admin **out);
int admin_port(const struct admin *a);
/* Every exchange was answered. */
void admin_free(struct admin **a);
