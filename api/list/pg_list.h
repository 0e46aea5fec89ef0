/* Pages of lists from one Postgres server, on one loop.
 *
 * On connections of their own, one page at a time each: a list may take as long
 * as read.timeout says (then the server gives up itself), and reads of
 * documents do not wait behind it. Pages wait in the order that they came.
 *
 * A page is a unit of two statements: the watermarks, then the rows, whose
 * snapshot is the same or a later one. So the rows are never older than the
 * watermarks say (INV-1).
 *
 * The rows' statement is not prepared: of lists there are more texts than a
 * session should keep, and Postgres plans it for its values.
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
	size_t max;	     /* connections; one is kept open */
	size_t max_waiting;
	dur_us_t timeout;
	size_t max_bytes; /* of a page, nearly */
	int32_t partitions;
	struct api_metrics *metrics;
};

struct pg_list *pg_list_new(const struct pg_list_options *o);
/* `done` gets a page. Takes a reference of the query. False: there is no
 * connection, or too many wait; `done` is not called. */
bool pg_list_get(
    struct pg_list *p, struct list_query *q, pg_reader_done done, void *arg);
/* Waiting pages are answered (FAILED) before it returns. */
void pg_list_free(struct pg_list **p);
