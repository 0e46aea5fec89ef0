/* Asks Postgres for the outcome of a write, if the tail does not know it (any
 * more), or not all of it.
 */
#pragma once

#include "api/commits/outcomes.h"
#include "api/read/pg_reader.h"
#include "common/log/reason.h"
#include "common/log/version.h"

#include <stdbool.h>

enum decision_state {
	DECISION_UNKNOWN, /* Postgres did not answer */
	DECISION_PENDING,
	DECISION_COMMITTED,
	DECISION_REJECTED,
	DECISION_EXPIRED, /* too old: its outcome is not kept any more */
};

struct decision {
	enum decision_state state;
	bool created;	     /* known only for replayed writes */
	enum reason reason;  /* if REJECTED */
	char constraint[64]; /* the name of the constraint, or "" */
	/* Of a rejected batch: the operation that failed. */
	bool has_index;
	size_t index;
	/* A retry with the same Idempotency-Key: the outcome is that of the
	 * first write. */
	bool replayed;
	struct outcome_first first;
	/* It was rejected, and then requeued as another write. */
	bool has_successor;
	struct position successor;
};

struct decision_ask;

typedef void (*decision_done)(void *arg, const struct decision *d);

/* Asks. `done` is called once, later, unless the question is abandoned; the
 * handle is invalid afterwards. Returns NULL if there is no connection; `done`
 * is not called. */
struct decision_ask *decision_ask(struct pg_reader *primary, struct position p,
    decision_done done, void *arg);
/* Afterwards `done` is not called. *a may be NULL. */
void decision_abandon(struct decision_ask **a);
