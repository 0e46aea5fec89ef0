/* The admin listener that every daemon has: GET /livez, /readyz, /metrics,
 * /stats, /config, and what a daemon adds.
 */
#pragma once

#include "common/buf.h"
#include "common/config.h"
#include "common/loop.h"
#include "common/metrics.h"

#include <stdbool.h>

struct admin;

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
	void *arg;
};

struct err admin_new(const struct admin_options *o, struct admin **out);
int admin_port(const struct admin *a);
void admin_free(struct admin **a);
