/* What Postgres kept of a write's outcome: asked where the tail does not know
 * it (any more), or not all of it.
 */
#pragma once

#include "api/read/pg_reader.h"
#include "common/log/reason.h"
#include "common/log/version.h"
#include "common/schema/collection.h"

#include <stdbool.h>

enum decision_state {
	DECISION_UNKNOWN, /* Postgres did not answer */
	DECISION_PENDING,
	DECISION_COMMITTED,
	DECISION_REJECTED,
	DECISION_EXPIRED, /* so old that it is not kept */
};

struct decision {
	enum decision_state state;
	bool created;	     /* known for replayed writes only */
	enum reason reason;  /* REJECTED */
	char constraint[64]; /* its name, or "" */
	/* A retry (Idempotency-Key): all of this is the first one's. */
	bool replayed;
	struct position first;
	char first_key[COLLECTION_KEY_MAX + 1]; /* its row's; "": not kept */
	/* A rejected write that was requeued. */
	bool has_successor;
	struct position successor;
};

struct decision_ask;

typedef void (*decision_done)(void *arg, const struct decision *d);

/* NULL: no connection; `done` is not called. Else it is called once, later,
 * unless abandoned; the handle is gone then. */
struct decision_ask *decision_ask(struct pg_reader *primary, struct position p,
    decision_done done, void *arg);
void decision_abandon(struct decision_ask **a);
