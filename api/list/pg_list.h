/* Reads pages of lists, and groups, from one Postgres server, on one loop.
 *
 * Lists have connections of their own. Each connection reads one page at a
 * time. So a list may take as long as read.timeout allows (then the server
 * cancels it), and reads of documents do not wait for it. Pages are served in
 * the order in which they came.
 *
 * A page is a unit of statements in one snapshot (repeatable read): the
 * watermarks; the rows; their number, if it is asked for. So the rows, and the
 * number, are exactly those of the watermarks (INV-1). A group has a statement
 * for the rows of each collection, all in the same snapshot.
 *
 * The statement of the rows is not prepared. There are more texts of lists than
 * a session should keep, and Postgres plans each for its values.
 */
#pragma once

#include "api/core/metrics.h"
#include "api/list/list_query.h"
#include "api/read/pg_reader.h"
#include "common/base/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct pg_list;

struct pg_list_options {
	struct loop *loop;
	const char *name; /* replica, primary */
	const char *url;
	const char *session; /* target_session_attrs */
	size_t max;	     /* maximum of connections; one is kept open */
	size_t max_waiting;
	dur_us_t timeout;
	size_t max_bytes; /* of the rows; the last one may exceed it */
	int32_t partitions;
	struct api_metrics *metrics;
};

/* Returns owned. */
struct pg_list *pg_list_new(const struct pg_list_options *o);
/* Reads a page, which `done` gets once, later. Takes a reference of the query.
 * False: there is no connection, or too many pages wait; `done` is not called.
 */
bool pg_list_get(
    struct pg_list *p, struct list_query *q, pg_reader_done done, void *arg);
/* Calls `done` (FAILED) for pages that wait, before it returns. */
void pg_list_free(struct pg_list **p);
