/* One transaction of the writer, until every slice of it is decided.
 *
 * A batch has writes of one or several partitions: a slice of each. The fence
 * moves the watermarks of all these partitions, or of none. If writes depend on
 * their rows, these rows are read before the transaction. After the commit,
 * every slice is announced.
 *
 * A slice leaves the batch when it is decided, or when it must be tried in
 * another way.
 */
#pragma once

#include "writer/batch/slice.h"
#include "writer/core/context.h"

enum batch_result {
	BATCH_RECOVERED, /* committed, but its results were lost */
	/* Not applied; try again with fewer writes. One of them was rejected,
	 * or they exceed a limit of the server, or they must read too much
	 * (slice.h: `fits`). */
	BATCH_SPLIT,
	/* Not applied; try again in a batch of its own. One of the slices of
	 * the batch has trouble, and it is not known which. */
	BATCH_ALONE,
	BATCH_FENCED,	/* another writer moved the watermark */
	BATCH_GIVEN_UP, /* a drain began before its outcome was known */
};

struct batch_events {
	/* The transaction is committed. The callee lets the owners go on, and
	 * may begin their next batches in the call: Postgres works on them
	 * while this one is announced. The slices stay with the batch, and have
	 * no owner any more. */
	void (*committed)(void *arg, struct slice *const *slices, size_t n);
	/* A slice that has an owner leaves without a known commit of this
	 * batch. The callee takes it. */
	void (*left)(void *arg, enum batch_result result, struct slice *s);
	/* It waits for a timer, and for no answer of Postgres. */
	void (*waits)(void *arg);
	/* No slice is left. The callee frees the batch. */
	void (*over)(void *arg, struct batch *b);
};

/* Takes the slices, which are sorted by partition; copies the array. The events
 * must live as long as the batch. Call batch_begin next. */
struct batch *batch_new(struct context *x, struct slice *const *slices,
    size_t n, const struct batch_events *events, void *arg);
/* Sends it; the events come later, or within the call. */
void batch_begin(struct batch *b);
/* The owner of the slice gives its partition away. The slice must not be used
 * any more. If Postgres has the batch, it may still be committed. `over` may
 * come within the call. */
void batch_forget(struct slice *s);
/* Does it wait for rows that another partition must write first? */
bool batch_expects(const struct batch *b);
/* A connection became ready, or such rows may have come: the batch waits no
 * longer. */
void batch_hurry(struct batch *b);
/* Repeats nothing any more. */
void batch_drain(struct batch *b);

/* Does it wait for an answer of Postgres? If not, it waits for a timer. */
bool batch_asks(const struct batch *b);
/* Has it a single slice that must not share a batch? */
bool batch_alone(const struct batch *b);
/* Has this slice failed before in this batch? */
bool batch_is_stuck(const struct batch *b);
/* How long Postgres has not answered; 0: no answer is due. */
dur_us_t batch_unanswered(const struct batch *b);
/* The failure that still holds it up; "": none. */
const char *batch_trouble(const struct batch *b);
/* The maximum bytes of a document that the write reads or changes, of at most
 * `most`. The documents of an atomic batch are read and announced together, so
 * each has its share. */
size_t batch_document_max(const struct write *w, size_t most);
const char *batch_state_name(const struct batch *b);
/* Must not be called while a unit of it is with Postgres. */
void batch_free(struct batch **b);
