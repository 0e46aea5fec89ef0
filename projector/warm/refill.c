/* Refills one collection after the other:
 *
 *   ask Postgres ─► fill Redis ─► the next one
 *        ▲               │
 *        └── pause ◄─────┘ refused, lost, or a server is away
 *
 * Redis refuses a fill if its row is older than a commit that Redis has: the
 * replica lags, or the key (or another one of its bucket) was just written.
 * Then the primary is asked; its next answer is newer.
 *
 * Each answer carries the number of its call; refill_stop makes the numbers
 * outdated.
 */
#include "projector/warm/refill.h"

#include "projector/warm/rows.h"

#include "common/base/backoff.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/cache/l2_fill.h"
#include "common/log/keyspace.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES = 8 };

struct refill {
	struct refill_options o;
	struct rows *replica; /* NULL: none is set */
	struct rows *primary;
	int32_t partition;
	struct warm_keys *keys; /* NULL: idle */
	unsigned number;
	bool done[WARM_KEYS_PIECE]; /* by key */
	size_t filled;
	size_t at;	/* the collection's first key */
	unsigned tries; /* for this collection */
	size_t unanswered;
	/* By the collection's index: that is in the log. */
	bool passed_over[COLLECTIONS_MAX];
	struct loop_timer *timer; /* ends a pause */
	struct backoff backoff;
	struct random jitter;
};

struct question {
	struct refill *r;
	unsigned number;
	size_t key;
};

static void ask_rows(struct refill *r);

static bool is_old(const struct question *q)
{
	return q->number != q->r->number;
}

static void pause_a_little(struct refill *r)
{
	loop_timer_start(r->timer, backoff_next(&r->backoff, random_bits()));
}

/* --- filling ------------------------------------------------------------- */

/* A collection of the piece is done, or tried again. */
static void run_is_over(struct refill *r)
{
	size_t n = warm_keys_run(r->keys, r->at);
	size_t left = 0;
	for (size_t i = r->at; i < r->at + n; i++)
		left += !r->done[i];
	if (left && ++r->tries < TRIES) {
		pause_a_little(r);
		return;
	}
	metric_add(&r->o.stats->warm_given_up, (int64_t)left);
	backoff_reset(&r->backoff);
	r->tries = 0;
	r->at += n;
	ask_rows(r);
}

static void filled(struct refill *r, size_t key, const redisReply *reply)
{
	bool number = reply && reply->type == REDIS_REPLY_INTEGER;
	if (!number || reply->integer == 0)
		return; /* again */
	r->done[key] = true;
	/* Otherwise Redis was emptied again; its next start asks for a warm
	 * start. */
	if (reply->integer == 1) {
		r->filled++;
		metric_add(&r->o.stats->warm_filled, 1);
	}
}

static void on_filled(void *arg, const redisReply *reply)
{
	struct question q = *(struct question *)arg;
	free(arg);
	if (is_old(&q))
		return;
	filled(q.r, q.key, reply);
	if (--q.r->unanswered == 0)
		run_is_over(q.r);
}

static bool refill_fill(struct refill *r, size_t at, const struct row *row)
{
	const struct warmkey *k = &r->keys->keys[at];
	const struct key_slot slot = keyspace_slot(
	    k->id, k->id_len, (int32_t)r->o.settings->common.partitions);
	const struct l2_entry e = {true, row->version, row->doc, row->len};
	dur_us_t ttl = k->collection->l2_ttl ? k->collection->l2_ttl
					     : r->o.settings->l2_ttl;
	struct question *q = MEM_NEW(struct question);
	*q = (struct question){r, r->number, at};
	bool sent = l2_fill_send(r->o.redis, slot, k->id, k->id_len, row->as_of,
	    &e, random_ttl(&r->jitter, ttl), on_filled, q);
	if (!sent)
		free(q);
	return sent;
}

/* --- rows ---------------------------------------------------------------- */

/* There is no limit of time. The other server may answer. */
static void wait_for_servers(struct refill *r)
{
	r->tries = r->tries == 0;
	pause_a_little(r);
}

static bool of_replica(const struct refill *r)
{
	return r->replica && r->tries == 0;
}

/* --migrate has not made a table or a column yet (SQLSTATE, class 42). The
 * other collections do not wait for it. */
static bool is_unmigrated(const struct refill *r, const struct err *e)
{
	return strncmp(e->code, "42", 2) == 0 && !of_replica(r);
}

static void refill_pass_over(struct refill *r, const struct err *e)
{
	const struct collection *c = r->keys->keys[r->at].collection;
	if (!r->passed_over[c->index])
		log_event(EV_WARM_UNMIGRATED, "collection=%s code=%s error=%s",
		    c->name, e->code, log_quote(e->msg));
	r->passed_over[c->index] = true;
	r->tries = TRIES - 1;
	run_is_over(r);
}

static void hear_row(struct refill *r, size_t at, const struct row *row)
{
	struct stats *s = r->o.stats;
	if (row->present && !row->too_large) {
		r->unanswered += refill_fill(r, at, row);
		return;
	}
	/* A replica that lags may not have the row yet. */
	if (row->as_of == 0 || of_replica(r))
		return;
	r->done[at] = true;
	metric_add(row->too_large ? &s->warm_given_up : &s->warm_absent, 1);
}

static void refill_on_rows(
    void *arg, const struct err *e, const struct row *rows, size_t n)
{
	struct question q = *(struct question *)arg;
	struct refill *r = q.r;
	free(arg);
	if (is_old(&q))
		return;
	if (rows == NULL) {
		if (is_unmigrated(r, e))
			refill_pass_over(r, e);
		else
			wait_for_servers(r);
		return;
	}
	r->unanswered = 1;
	for (size_t i = 0, at = r->at; i < n; i++, at++) {
		while (r->done[at])
			at++;
		hear_row(r, at, &rows[i]);
	}
	if (--r->unanswered == 0)
		run_is_over(r);
}

static bool refill_ask(struct refill *r, size_t n)
{
	struct row_key keys[WARM_KEYS_PIECE];
	size_t nkeys = 0;
	struct rows *server = of_replica(r) ? r->replica : r->primary;
	struct question *q = MEM_NEW(struct question);
	*q = (struct question){r, r->number, 0};
	for (size_t i = r->at; i < r->at + n; i++) {
		const struct warmkey *k = &r->keys->keys[i];
		size_t name = strlen(k->collection->name) + 1;
		if (!r->done[i])
			keys[nkeys++] = (struct row_key){
			    k->id + name, k->id_len - name, r->partition};
	}
	bool sent = rows_read(server, r->keys->keys[r->at].collection, keys,
	    nkeys, refill_on_rows, q);
	if (!sent)
		free(q);
	return sent;
}

static void refill_finish(struct refill *r)
{
	r->keys = NULL;
	r->o.done(r->o.arg, r->filled);
}

static void ask_rows(struct refill *r)
{
	if (r->at == r->keys->n)
		refill_finish(r);
	else if (!redis_up(r->o.redis) ||
		 !refill_ask(r, warm_keys_run(r->keys, r->at)))
		wait_for_servers(r);
}

static void refill_on_timer(void *arg)
{
	ask_rows(arg);
}

/* --- interface ----------------------------------------------------------- */

struct refill *refill_new(const struct refill_options *o)
{
	const struct projector_settings *s = o->settings;
	struct refill *r = MEM_NEW(struct refill);
	r->o = *o;
	r->primary = rows_new(o->loop, "primary", s->common.primary_url,
	    "read-write", s->common.document_max);
	if (s->replica_urls[0])
		r->replica = rows_new(o->loop, "replica", s->replica_urls,
		    "prefer-standby", s->common.document_max);
	r->timer = loop_timer_new(o->loop, refill_on_timer, r);
	backoff_init(&r->backoff, CLOCK_MS(20), CLOCK_S(2));
	random_init(&r->jitter, random_bits());
	return r;
}

void refill_start(struct refill *r, int32_t partition, struct warm_keys *keys)
{
	refill_stop(r);
	warm_keys_sort(keys);
	memset(r->done, 0, sizeof r->done);
	r->partition = partition;
	r->keys = keys;
	r->filled = 0;
	r->at = 0;
	r->tries = 0;
	ask_rows(r);
}

void refill_stop(struct refill *r)
{
	r->number++;
	r->keys = NULL;
	loop_timer_stop(r->timer);
}

void refill_free(struct refill **rp)
{
	struct refill *r = *rp;
	if (r == NULL)
		return;
	refill_stop(r);
	rows_free(&r->replica);
	rows_free(&r->primary);
	loop_timer_free(&r->timer);
	free(r);
	*rp = NULL;
}
