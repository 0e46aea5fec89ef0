/* Rows of one Postgres server, each with the watermark of its snapshot. */
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
	bool too_large; /* than document.max_bytes: the document is not told */
	version_t version, as_of;
	const char *doc; /* canonical; borrowed; "" where it is not told */
	size_t len;
};

/* In the order of the keys; NULL: no answer, and why. An entry whose as_of is 0
 * could not be read: Postgres does not know its partition. */
typedef void (*rows_done)(
    void *arg, const struct err *e, const struct row *rows, size_t n);

/* `url` was checked. `session`: target_session_attrs. `document_max`: bytes.
 * Starts to connect. */
struct rows *rows_new(struct loop *l, const char *name, const char *url,
    const char *session, int64_t document_max);
/* All of one collection; borrows the keys for the call. False: not connected,
 * `done` is not called. Else exactly once, later. */
bool rows_read(struct rows *r, const struct collection *c,
    const struct row_key *keys, size_t n, rows_done done, void *arg);
/* Whoever waits is answered before it returns. */
void rows_free(struct rows **r);
