#include "api/write/decision.h"

#include "common/base/mem.h"
#include "common/log/operations.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_params.h"
#include "common/sql/bookkeeping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of bookkeeping_decision. */
enum column {
	NEXT,
	HORIZON,
	REASON_,
	DETAIL,
	SUCCESSOR,
	FIRST_P,
	FIRST_V,
	OUTCOME,
	FIRST_KEY,
	LEFT_BEHIND
};

struct decision_ask {
	struct pg_reader *primary;
	struct position position;
	decision_done done; /* NULL: abandoned */
	void *arg;
	bool retried;
};

static const char *decision_text(const PGresult *r, enum column c)
{
	return PQgetvalue(r, 0, (int)c);
}

/* A retry has no rejection of its own; DETAIL is then that of the first write.
 */
static void set_detail(struct decision *d, const PGresult *r)
{
	const char *detail = decision_text(r, DETAIL);
	const char *own = operations_failed(detail, &d->index);
	d->has_index = own != NULL;
	if (d->reason == REASON_CONSTRAINT)
		snprintf(d->constraint, sizeof d->constraint, "%s",
		    own ? own : detail);
}

static void set_rejected(
    struct decision *d, const PGresult *r, const char *reason)
{
	d->state = DECISION_REJECTED;
	d->reason = reason_parse(reason, strlen(reason));
	set_detail(d, r);
	const char *successor = decision_text(r, SUCCESSOR);
	d->has_successor =
	    position_parse(successor, strlen(successor), &d->successor);
}

static void set_replayed(struct decision *d, const PGresult *r)
{
	const char *outcome = decision_text(r, OUTCOME);
	enum outcome_kind kind =
	    outcome_parse(outcome, strlen(outcome), &d->reason);
	d->state =
	    kind == OUTCOME_REJECTED ? DECISION_REJECTED : DECISION_COMMITTED;
	d->created = kind == OUTCOME_CREATED;
	d->replayed = true;
	d->first.position = (struct position){
	    pg_int4(r, 0, FIRST_P), (version_t)pg_int8(r, 0, FIRST_V)};
	snprintf(d->first.key, sizeof d->first.key, "%s",
	    decision_text(r, FIRST_KEY));
	set_detail(d, r);
}

static void decision_parse(
    struct decision *d, const PGresult *r, struct position p)
{
	if (PQntuples(r) == 0)
		return; /* no row for the partition: not migrated */
	const char *reason = decision_text(r, REASON_);
	if (p.version >= (version_t)pg_int8(r, 0, NEXT))
		d->state = DECISION_PENDING;
	else if (p.version < (version_t)pg_int8(r, 0, HORIZON) ||
		 *decision_text(r, LEFT_BEHIND))
		d->state = DECISION_EXPIRED;
	else if (!PQgetisnull(r, 0, FIRST_V) && !PQgetisnull(r, 0, FIRST_P))
		set_replayed(d, r);
	else if (*reason)
		set_rejected(d, r, reason);
	else
		d->state = DECISION_COMMITTED;
}

static void decision_on_reply(void *arg, const struct pg_reply *reply);

static bool decision_submit(struct decision_ask *a)
{
	struct pg_params call = pg_statement_params(&bookkeeping_decision);
	pg_params_int4(&call, a->position.partition);
	pg_params_int8(&call, a->position.version);
	const struct pg_query q = pg_params_query(&call);
	bool sent = pg_reader_query(a->primary, &q, decision_on_reply, a);
	pg_params_free(&call);
	return sent;
}

static void decision_on_reply(void *arg, const struct pg_reply *reply)
{
	struct decision_ask *a = arg;
	struct decision d = {.state = DECISION_UNKNOWN};
	bool ok = reply->err.kind == ERR_KIND_OK;
	/* A connection that died while idle is noticed by its next query. */
	if (!ok && a->done && !a->retried) {
		a->retried = true;
		if (decision_submit(a))
			return;
	}
	if (ok)
		decision_parse(&d, reply->results[0], a->position);
	if (a->done)
		a->done(a->arg, &d);
	free(a);
}

struct decision_ask *decision_ask(
    struct pg_reader *primary, struct position p, decision_done done, void *arg)
{
	struct decision_ask *a = MEM_NEW(struct decision_ask);
	*a = (struct decision_ask){
	    .primary = primary, .position = p, .done = done, .arg = arg};
	if (decision_submit(a))
		return a;
	free(a);
	return NULL;
}

void decision_abandon(struct decision_ask **a)
{
	if (*a)
		(*a)->done = NULL;
	*a = NULL;
}
