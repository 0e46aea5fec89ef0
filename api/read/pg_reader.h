/* Reads documents from one Postgres server (the replica or the primary), on one
 * loop.
 *
 * It has a pool of connections. While all of them are busy, reads gather. The
 * next free connection asks for all of them in one statement (= ANY), together
 * with the server's watermarks in the same snapshot.
 *
 * A server that does not answer adds no latency: a timeout, or a few failures
 * in a row, open a circuit breaker, and reads are refused at once. No request
 * has to find out whether the server is back. The pool sends a read of its own
 * every second, more often while the breaker is open, and its answer closes the
 * breaker. So an idle pool, too, notices a dead server.
 */
#pragma once

#include "api/cache/value.h"
#include "api/core/metrics.h"
#include "common/base/loop.h"
#include "common/log/keyspace.h"
#include "common/net/breaker.h"
#include "common/postgres/pg.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

struct pg_reader;

enum pg_reader_status {
	PG_READER_OK,
	PG_READER_FAILED,
	/* For lists (api/list/pg_list.h): Postgres rejects a value of the
	 * query; the list took too long. */
	PG_READER_REFUSED,
	PG_READER_LATE,
	/* The row is larger than a document may be, or than Postgres can
	 * render. */
	PG_READER_TOO_LARGE,
};

/* The receiver owns `value`; NULL unless OK. An absent row is a value with
 * `present` false. */
typedef void (*pg_reader_done)(
    void *arg, enum pg_reader_status status, struct value *value);

struct pg_reader_options {
	struct loop *loop;
	const char *name; /* replica, primary */
	const char *url;
	const char *session; /* target_session_attrs */
	size_t min, max;     /* connections */
	size_t max_waiting;
	dur_us_t timeout;
	size_t document_max; /* a larger row is not read */
	struct api_metrics *metrics;
	/* A collection whose table is known to exist, for probes before the
	 * first read; NULL: none is known. */
	const struct collection *(*some_table)(void *arg);
	void *arg;
};

/* Returns owned. */
struct pg_reader *pg_reader_new(const struct pg_reader_options *o);
/* Would a read be sent: is there a connection, and is the breaker closed? */
bool pg_reader_up(const struct pg_reader *p);
enum breaker_state pg_reader_breaker(const struct pg_reader *p);
size_t pg_reader_connections(const struct pg_reader *p);
/* Reads a row; `done` is called once, later. Borrows the key until then. False:
 * the server is not up, or too many reads wait; `done` is not called. */
bool pg_reader_get(struct pg_reader *p, const struct collection *c,
    const char *key, size_t len, int32_t partition, pg_reader_done done,
    void *arg);
/* Sends one statement of another kind on any ready connection, as pg_submit.
 * Also false while the server is not up. */
bool pg_reader_query(
    struct pg_reader *p, const struct pg_query *q, pg_done done, void *arg);
/* Calls `done` (FAILED) for reads that wait, before it returns. */
void pg_reader_free(struct pg_reader **p);
