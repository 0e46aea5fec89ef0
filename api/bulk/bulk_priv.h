/* What the modules of a bulk share: reading (bulk.c), the way to the log
 * (bulksend.c), outcomes and the answer (bulkanswer.c). */
#pragma once

#include "api/bulk/bulk.h"
#include "api/bulk/bulk_results.h"
#include "api/bulk/bulk_split.h"
#include "api/write/validate.h"

/* An item that the log has not acknowledged. */
struct sent {
	struct request *request;
	struct append *append;
	size_t index;
	size_t bytes;
	struct sent *next, *prev;
};

struct bulk {
	struct bulk_split split;
	struct bulk_results results;
	/* Valid, and waits for its key, or for room in the producer's queue. */
	bool held;
	struct validation item;
	size_t index; /* of its result */
	struct sent *sent;
	size_t nsent, sent_bytes;
	size_t wake_at; /* resume when no more than these are on their way */
	bool finished;	/* there are no more items */
	/* Why the rest is not read. */
	bool stopped;
	enum problem problem;
	char detail[200];
	bool has_offset;
	size_t offset;
	struct violations header; /* of a header that a bulk does not take */
	unsigned retry_s;
	dur_us_t busy;	/* since other requests had their turn */
	bool no_keys;	/* one was waited for in vain */
	size_t settled; /* every result in front of it is */
	size_t memory;	/* of budget_bodies */
	bool counted;	/* as one of its client */
};

/* The item that is held becomes a record, or a result; and there is room for
 * another. False: it must wait, and is set to wake up. */
bool bulk_may_go_on(struct request *r);
/* Everything is sent and acknowledged. */
bool bulk_all_sent(struct request *r);
/* Lets go of what is on its way to the log: it may get there. */
void bulk_release(struct bulk *b);
/* Asks for the outcomes of what the tail has passed. False: there is something
 * that it has not, the first of it at `settled`. */
bool bulk_settle(struct request *r);
