/* A batch as statements, and what their results say (no I/O). */
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
	/* A statement for each write, in the order of the log: no key comes
	 * twice (judges.h). */
	bool in_order;
};

/* Borrows the writes and the statements; the rest of the batch while it is
 * called. */
struct batch_plan *plan_new(
    const struct statements *s, const struct plan_batch *b);
/* For a batch that was rejected: not to apply it, but to learn whose fault it
 * is. The writes are tried one by one, in the order of the log, the good ones
 * before each in effect; in the end all is taken back. */
struct batch_plan *plan_trial(
    const struct statements *s, const struct plan_batch *b);
size_t plan_queries(const struct batch_plan *p);
/* Fills `out`, which has room for them; borrows the plan. */
void plan_query(struct batch_plan *p, struct pg_query *out);
/* Takes notice of the results of its queries, and borrows them. */
void plan_results(struct batch_plan *p, PGresult *const *results);
void plan_free(struct batch_plan **p);

/* Of a trial: fills `guilty`, which has room for the failures, with the index
 * of the write that caused each. Returns of how many, from the first on, it can
 * be told. */
size_t plan_guilty(
    const struct batch_plan *p, const struct pg_reply *reply, size_t *guilty);
/* After the results: of every write. */
const struct verdicts *plan_verdicts(const struct batch_plan *p);
/* Appends the document of the row that the i-th change put. False: the row did
 * not come back. */
bool plan_document(const struct batch_plan *p, size_t i, struct buf *out);
