/* Reads rows of one Postgres server, each with the watermark of its snapshot.
 */
#pragma once

#include "common/base/loop.h"
#include "common/log/version.h"
#include "common/schema/collection.h"

struct rows;

struct row_key {
	const char *key;
	size_t len;
	int32_t partition;
};

struct row {
	bool present;
	bool too_large; /* larger than document.max_bytes: not read */
	version_t version, as_of;
	const char *doc; /* canonical; borrowed; "" if absent or too large */
	size_t len;
};

/* `rows` has the order of the keys; NULL: no answer, and `e` says why. A row
 * whose as_of is 0 could not be read: Postgres does not know its partition. */
typedef void (*rows_done)(
    void *arg, const struct err *e, const struct row *rows, size_t n);

/* `url` was checked. `session`: target_session_attrs. `document_max`: bytes.
 * Starts to connect. */
struct rows *rows_new(struct loop *l, const char *name, const char *url,
    const char *session, int64_t document_max);
/* The keys are of one collection; they are borrowed for the call. False: not
 * connected, and `done` is not called. Otherwise `done` is called exactly once,
 * later. */
bool rows_read(struct rows *r, const struct collection *c,
    const struct row_key *keys, size_t n, rows_done done, void *arg);
/* Calls every `done` that is due before it returns. */
void rows_free(struct rows **r);
