/* The operations of an atomic batch: the value of a record of sluice.writes
 * whose op is `batch` (common/log/record.h).
 *
 * The record's key is `_batch/group`, and the value is an array with an object
 * for each operation:
 *
 *   {"op":"put","id":"orders/c42:7","shape":"00f1…","create":"*",
 *    "document":{…}}
 *
 * `op`, `id`, `shape`, `if-match`, `if-none-match`, `create` and `owner` have
 * the meaning that the key and the headers of a record of one write have. A
 * delete has no document. What belongs to the request as a whole (accepted-at,
 * the producer's number, the idempotency key, by) stands in the headers of the
 * record, and counts for every operation.
 */
#pragma once

#include "common/base/buf.h"
#include "common/log/record.h"

enum {
	OPERATIONS_MOST = 100,
	/* Bytes of the value. A message of Kafka has at most 16 MiB. */
	OPERATIONS_BYTES = 15 << 20,
};

struct operations {
	struct record_write *all; /* owned; they borrow from the record, and
				   * from `texts` */
	size_t n;
	struct buf texts;
};

/* Appends an operation to the value, which begins as empty. Of `w`, only what
 * an operation has is written. */
void operations_add(struct buf *value, const struct record_write *w);
/* Ends the value. */
void operations_end(struct buf *value);
/* Reads the operations of a record whose op is RECORD_BATCH. After success,
 * call operations_free. False: Sluice does not write such a value. */
bool operations_parse(const struct record_write *batch, struct operations *out);
void operations_free(struct operations *o);

/* The detail of a rejected batch: which operation failed, and its detail (""
 * for none). */
void operations_detail(struct buf *out, size_t index, const char *detail);
/* Reads such a detail. Returns the operation's own detail; NULL: the detail
 * names no operation. */
const char *operations_failed(const char *detail, size_t *index);
