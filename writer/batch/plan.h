/* Makes the statements of a batch, and reads their results (no I/O). */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/core/statements.h"
#include "writer/decide/verdicts.h"

struct batch_plan;

struct plan_batch {
	int32_t partition;
	version_t from;
	version_t to;
	const struct write *writes;
	size_t n;
	const struct dedup *producers;
	const struct prefetch *lookup; /* NULL: nothing had to be read */
	/* One statement for each write, in log order. Each key comes once
	 * (judges.h). */
	bool in_order;
};

/* Borrows the writes and the statements; the other members of `b` only during
 * the call. */
struct batch_plan *plan_new(
    const struct statements *s, const struct plan_batch *b);
/* For a batch that was rejected: finds the writes that caused it. The plan
 * tries the writes one by one, in log order, on top of those before that
 * succeeded. At the end it rolls everything back. */
struct batch_plan *plan_trial(
    const struct statements *s, const struct plan_batch *b);
size_t plan_queries(const struct batch_plan *p);
/* Fills `out`, which has room for them; borrows the plan. */
void plan_query(struct batch_plan *p, struct pg_query *out);
/* Reads the results of its queries, and borrows them. */
void plan_results(struct batch_plan *p, PGresult *const *results);
void plan_free(struct batch_plan **p);

/* After a trial: fills `guilty` with the index of the write that caused each
 * failure; it must have room for all failures. Returns how many of the leading
 * failures could be attributed to one write. */
size_t plan_guilty(
    const struct batch_plan *p, const struct pg_reply *reply, size_t *guilty);
/* After plan_results: the verdict of every write. */
const struct verdicts *plan_verdicts(const struct batch_plan *p);
/* Appends the document of the row that the i-th change put. False: the row did
 * not come back. */
bool plan_document(const struct batch_plan *p, size_t i, struct buf *out);
