/* Makes the statements of a batch, and reads their results (no I/O).
 *
 * A batch has the same effect as its slices one after the other, each in a
 * transaction of its own.
 */
#pragma once

#include "common/postgres/pg_params.h"
#include "writer/batch/slice.h"
#include "writer/core/statements.h"
#include "writer/decide/verdicts.h"

struct batch_plan;

/* Flags of plan_new. */
enum {
	/* One statement for each write, slice by slice in log order. Then no
	 * slice may have two writes of a key (judges.h). */
	PLAN_IN_ORDER = 1,
	/* Rows of which it is known that they are new are inserted plainly.
	 * This fails with a unique violation if another program has inserted
	 * one of them meanwhile. */
	PLAN_INSERTS = 2,
};

/* Borrows the writes and the statements; the slices' other members only during
 * the call. */
struct batch_plan *plan_new(const struct statements *s,
    struct slice *const *slices, size_t n, unsigned flags);
/* Does it have plain inserts? */
bool plan_inserts(const struct batch_plan *p);
/* For a batch that was rejected: finds the writes that caused it. The plan
 * tries the writes one by one, slice by slice in log order, on top of those
 * before that succeeded. At the end it rolls everything back. */
struct batch_plan *plan_trial(
    const struct statements *s, struct slice *const *slices, size_t n);
size_t plan_queries(const struct batch_plan *p);
/* Fills `out`, which has room for them; borrows the plan. */
void plan_query(struct batch_plan *p, struct pg_query *out);
/* Reads the results of its queries, and borrows them. */
void plan_results(struct batch_plan *p, PGresult *const *results);
void plan_free(struct batch_plan **p);

/* The index of a slice, of one of its writes, and of one of the operations of a
 * batch. */
struct plan_write {
	size_t slice;
	size_t write;
	size_t operation;
};
/* After a trial: fills `guilty` with the write that caused each failure; it
 * must have room for all failures. Returns how many of the leading failures
 * could be attributed to one write. */
size_t plan_guilty(const struct batch_plan *p, const struct pg_reply *reply,
    struct plan_write *guilty);
/* After plan_results: the verdict of every write of a slice. */
const struct verdicts *plan_verdicts(const struct batch_plan *p, size_t slice);
/* Appends the document of the row that the i-th change of a slice put or
 * touched; `bytes`: its size. Of a touched row that is too large for the answer
 * of Postgres, nothing is appended. False: the row did not come back. */
bool plan_document(const struct batch_plan *p, size_t slice, size_t i,
    struct buf *out, size_t *bytes);
