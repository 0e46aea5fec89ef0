/* What the modules of a bulk share: reading the body (bulk.c), sending items to
 * the log (bulk_send.c), outcomes and the answer (bulk_answer.c). */
#pragma once

#include "api/bulk/bulk.h"
#include "api/bulk/bulk_results.h"
#include "api/bulk/bulk_split.h"
#include "api/operation/one_operation.h"
#include "common/trace/span.h"

/* An item that the log has not acknowledged. */
struct sent {
	struct request *request;
	struct append *append;
	struct span_start send; /* none: it is not traced */
	size_t index;
	size_t bytes;
	struct sent *next, *prev;
};

enum on_conflict { ON_CONFLICT_FAIL, ON_CONFLICT_REPLACE, ON_CONFLICT_SKIP };

struct bulk {
	struct bulk_split split;
	struct bulk_results results;
	bool operations; /* its items are operations, not documents to create */
	/* What a create does if its row is there. */
	enum on_conflict conflict;
	/* A valid item, which waits for its key, or for room in the producer's
	 * queue. Its document borrows from `split`. */
	bool held;
	struct one_operation item;
	char *idempotency_key; /* of the item, as the log has it; NULL: none */
	uint64_t fingerprint;
	size_t index; /* of the result of `item` */
	struct sent *sent;
	size_t nsent, sent_bytes;
	size_t appended; /* ever */
	size_t wake_at;	 /* resume when `nsent` is at most this */
	bool finished;	 /* the body has no more items */
	/* The reason why the rest of the body is not read. */
	bool stopped;
	enum problem problem;
	char detail[200];
	bool has_offset;
	size_t offset;
	struct violations header; /* headers that a bulk does not take */
	unsigned retry_s;
	dur_us_t busy;	/* working time since other requests last ran */
	bool no_keys;	/* a wait for an integer key ended without one */
	size_t settled; /* index of the first result that is not settled yet */
	size_t memory;	/* bytes taken from budget_bodies */
	bool counted;	/* as one of its client's bulks */
};

/* In api/bulk/bulk_item.c: takes the item that was split from the body. If it
 * is good, it is held; otherwise it has a result, or reading has stopped. */
void bulk_take_item(struct request *r);
/* Frees the held item. */
void bulk_drop_item(struct bulk *b);
/* In api/bulk/bulk.c: the body is not JSON at this offset. */
void bulk_not_json(struct bulk *b, size_t offset, const char *what);

/* Sends the held item, or gives it a result; then tells whether there is room
 * for another. False: the request must wait, and `wake_at` or the reason of its
 * parking says when it is resumed. */
bool bulk_may_go_on(struct request *r);
/* True: every item was sent and acknowledged. False: as above. */
bool bulk_all_sent(struct request *r);
/* Abandons the items that are on their way to the log. They may still get
 * there. */
void bulk_release(struct bulk *b);
/* Takes the outcomes of items that the tail has passed. False: the tail has not
 * passed some items yet; the first of them is at `settled`. */
bool bulk_settle(struct request *r);
