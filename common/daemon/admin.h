/* The admin listener that every daemon has: GET /livez, /readyz, /metrics,
 * /stats, /config, and the routes that a daemon adds. Requests of pages of
 * other origins are refused (common/http/origin_check.h). A request is matched
 * with its route, or refused, before its body is read.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/loop.h"
#include "common/base/metrics.h"
#include "common/daemon/config.h"
#include "common/http/router.h"
#include "common/net/tls_server.h"

#include <stdbool.h>

struct admin;
struct reload;

/* A request to a route of the daemon. */
struct admin_exchange {
	const char *body; /* NUL-terminated */
	size_t body_len;
};

/* A route that a daemon adds: a row of a router. */
struct admin_route {
	struct route_head head; /* first */
	/* Takes the exchange, to answer it. */
	void (*start)(void *arg, struct admin_exchange *x);
};

/* An argument of the query, or NULL. */
const char *admin_argument(const struct admin_exchange *x, const char *name);
/* The segment of the path that has this name in the pattern (with braces);
 * NULL: none. */
const struct path_segment *admin_segment(
    const struct admin_exchange *x, const char *name);
/* The id of the request, for the log; valid until it is answered. */
const char *admin_request_id(const struct admin_exchange *x);
/* Call one of these exactly once, within `start` or later, on the loop. The
 * exchange is invalid after that. */
/* Takes the body, JSON. */
void admin_answer(struct admin_exchange *x, unsigned status, struct buf *body);
/* The path names something that does not exist: 404. */
void admin_not_found(struct admin_exchange *x);

struct admin_options {
	struct loop *loop;
	const char *address;
	const struct config *config;
	const struct metrics_each *each; /* NULL: none */
	const struct metric_row *rows;
	size_t nrows;
	const void *const *instances; /* one metrics struct per thread */
	size_t ninstances;
	/* Of the histograms, for OpenMetrics; all NULL: there are none. */
	struct metrics_open open;
	/* Appends a line per reason why the daemon is not ready; true: ready.
	 */
	bool (*ready)(void *arg, struct buf *reasons);
	/* What /readyz says of failed reloads. */
	struct reload *reload; /* gets admin.tls */
	/* Refreshes gauges before a scrape. May be NULL. */
	void (*refresh)(void *arg);
	/* Appends a JSON object. */
	void (*stats)(void *arg, struct buf *json);
	void *arg;
	/* What the daemon adds: rows of struct admin_route. NULL: nothing. A
	 * method that a path of these has not is answered 404. */
	const struct router *routes;
	void *routes_arg;
};

/* What the settings say of its TLS. Borrows. */
struct tls_server_options admin_tls(const struct common_settings *s);

/* FATAL: the address cannot be bound, or a certificate cannot be used. */
struct err admin_new(const struct admin_options *o, struct admin **out);
int admin_port(const struct admin *a);
/* Every exchange was answered. */
void admin_free(struct admin **a);
