/* The body of an atomic batch (POST /v1/_batch): an array of operations of one
 * group (pure core).
 *
 * First batch_body_read: what does each operation mean? Then the caller checks
 * what the client may do, and may replace documents. Then batch_body_validate:
 * are the documents valid? Every fault names its operation and its member.
 */
#pragma once

#include "api/operation/one_operation.h"
#include "common/log/operations.h"

struct batch_body {
	struct one_operation *all; /* owned */
	size_t n;
	struct buf group;
	/* VALID, or the first reason to refuse the body. */
	struct validation result;
};

/* Borrows the text. Call batch_body_free also if it is not valid. */
void batch_body_read(struct batch_body *b, const char *text, size_t len);
/* Validates the documents, and fills in their defaults. `most`: the maximum
 * size of a row's document. */
void batch_body_validate(struct batch_body *b, size_t most);
/* After success: appends the value of the record (common/log/operations.h). */
void batch_body_write(const struct batch_body *b, struct buf *out);
void batch_body_free(struct batch_body *b);
