#include "api/read/lookup.h"

#include "api/cache/current.h"
#include "api/cache/l1.h"
#include "api/commits/tail.h"
#include "api/core/metrics.h"
#include "api/core/request.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/list/list_query.h"
#include "api/list/pg_list.h"
#include "api/read/landing.h"
#include "api/read/pg_reader.h"
#include "api/read/redis_reader.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/schema/expiry.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* How often to ask a primary that lost commits in a failover. The
	 * writer soon applies them again. */
	BEHIND_RETRY_US = 20000,
};

struct lookup {
	struct thread *thread;
	enum lookup_way way;
	uint64_t mode;
	uint64_t purges; /* the count when it began */
	const struct collection *collection;
	char *id;
	size_t id_len;
	const char *key;
	size_t key_len;
	struct key_slot slot;
	struct list_query *list; /* NULL: it is for a document */
	unsigned skipped;
	enum read_failure failure;
	struct tier_times times;
	mono_us_t asked_at; /* when the current tier was asked */
	bool retried;	    /* a query to the primary failed once */
	mono_us_t started;
	mono_us_t deadline;
	struct loop_timer *timer; /* BEHIND_RETRY_US */
	struct value *value;	  /* the result */
	enum tier tier;
};

static void lookup_ask_replica(struct lookup *l);
static void ask_primary(struct lookup *l);

/* --- landing ------------------------------------------------------------- */

static void land(void *arg)
{
	struct lookup *l = arg;
	struct lookup_result result = {
	    l->value, l->tier, l->skipped, l->times, l->failure};
	struct singleflight_waiter *waiter = singleflight_land(
	    l->thread->instance->singleflight, l->mode, l->id, l->id_len);
	landing_give(l->thread, waiter, &result);
	metric_observe(
	    &l->thread->metrics->miss_time, clock_mono() - l->started);
	l->thread->lookups--;
	value_unref(&l->value);
	loop_timer_free(&l->timer);
	list_query_unref(&l->list);
	free(l->id);
	free(l);
}

/* Lands from the loop, because the leader may still be inside lookup_join. */
static void land_later(struct lookup *l)
{
	loop_post(l->thread->loop, land, l);
}

/* True: a purge has begun since. The value may be what the purge is to remove.
 */
static bool purged(const struct lookup *l)
{
	return atomic_load(&l->thread->instance->purges) != l->purges;
}

/* Does it read rows of all partitions? */
static bool spans(const struct list_query *q)
{
	return q && q->group == NULL;
}

/* Are the floors open that decide about this value? */
static bool known(
    const struct instance *instance, bool all, struct key_slot slot)
{
	return all ? floors_all_open(instance->floors)
		   : floors_is_open(instance->floors, slot.partition);
}

/* The lifetime in L1; of a group, the shortest of its collections. */
static dur_us_t lifetime(const struct lookup *l)
{
	dur_us_t usual = l->thread->instance->settings->l1_ttl;
	dur_us_t least = l->collection->l1_ttl ? l->collection->l1_ttl : usual;
	for (const struct list_query *q = l->list; q; q = q->also) {
		dur_us_t its =
		    q->collection->l1_ttl ? q->collection->l1_ttl : usual;
		least = its < least ? its : least;
	}
	return least;
}

static void lookup_keep(struct lookup *l, struct value *v, enum tier tier)
{
	struct thread *t = l->thread;
	const struct api_settings *s = t->instance->settings;
	const struct collection *c = l->collection;
	/* Without floors, no reader could tell when it becomes too old. */
	if (!known(t->instance, spans(l->list), l->slot))
		return;
	/* L1 would evict other values. Those that are being sent would then
	 * count in this budget. */
	if (budget_is_over(&budget_answers))
		return;
	value_prepare_l1(v);
	l1_put(t->instance->l1, l->id, l->id_len, v,
	    clock_mono() + random_ttl(t->jitter, lifetime(l)));
	if (purged(l)) {
		/* The purge may have passed this key between our read and our
		 * put. */
		l1_remove(t->instance->l1, l->id, l->id_len);
		return;
	}
	if (l->list || tier == TIER_REDIS || !redis_ready(t->redis))
		return;
	metric_add(&t->metrics->fills, 1);
	redis_reader_fill(t->redis, l->slot, l->id, l->id_len, v,
	    random_ttl(t->jitter, c->l2_ttl ? c->l2_ttl : s->l2_ttl));
}

static void found(struct lookup *l, struct value *v, enum tier tier)
{
	if (l->list == NULL && v->present)
		value_end_by(v, expiry_of(l->collection, v->doc, v->len));
	lookup_keep(l, v, tier);
	l->value = v;
	l->tier = tier;
	land(l);
}

/* --- the tiers ----------------------------------------------------------- */

static void asks(struct lookup *l)
{
	l->asked_at = clock_mono();
}

static void heard(struct lookup *l, enum tier tier)
{
	l->times.asked |= 1U << tier;
	l->times.spent[tier] += clock_mono() - l->asked_at;
}

/* The caches have no value: asks the servers. */
static void lookup_go_on(struct lookup *l)
{
	if (l->way == LOOKUP_CACHES)
		land_later(l);
	else
		lookup_ask_replica(l);
}

static bool lookup_may_serve(
    const struct lookup *l, const struct value *v, enum tier tier)
{
	return current_allows(
	    l->thread->instance->floors, l->collection, l->slot, v, tier);
}

/* True: the lookup ends, because another server would answer the same. */
static bool lookup_refused(struct lookup *l, enum pg_reader_status status)
{
	switch (status) {
	case PG_READER_OK:
	case PG_READER_FAILED:
		return false;
	case PG_READER_REFUSED:
		l->failure = READ_REFUSED;
		break;
	case PG_READER_LATE:
		l->failure = READ_LATE;
		break;
	case PG_READER_TOO_LARGE:
		l->failure = READ_TOO_LARGE;
		break;
	}
	land(l);
	return true;
}

static bool ask_server(struct lookup *l, struct pg_reader *pool,
    struct pg_list *lists, pg_reader_done done)
{
	asks(l);
	if (l->list) /* the reads of documents drive the breaker */
		return pg_reader_up(pool) &&
		       pg_list_get(lists, l->list, done, l);
	return pg_reader_get(pool, l->collection, l->key, l->key_len,
	    l->slot.partition, done, l);
}

static void lookup_on_redis(
    void *arg, enum redis_reader_status status, struct value *v)
{
	struct lookup *l = arg;
	struct api_metrics *m = l->thread->metrics;
	heard(l, TIER_REDIS);
	if (status == REDIS_READER_HIT &&
	    tail_believes_redis(
		l->thread->instance->tail, l->slot.partition, v->as_of) &&
	    lookup_may_serve(l, v, TIER_REDIS)) {
		metric_add(&m->l2_hit, 1);
		found(l, v, TIER_REDIS);
		return;
	}
	if (status == REDIS_READER_HIT)
		metric_add(&m->l2_old, 1);
	else if (status == REDIS_READER_MISS)
		metric_add(&m->l2_miss, 1);
	else
		metric_add(&m->l2_failed, 1);
	if (status == REDIS_READER_FAILED)
		l->skipped |= SKIP_REDIS_DOWN;
	value_unref(&v);
	lookup_go_on(l);
}

static void lookup_ask_redis(struct lookup *l)
{
	asks(l);
	if (redis_reader_get(l->thread->redis, l->slot.partition, l->id,
		l->id_len, lookup_on_redis, l))
		return;
	metric_add(&l->thread->metrics->l2_failed, 1);
	l->skipped |= SKIP_REDIS_DOWN;
	lookup_go_on(l);
}

static void lookup_on_replica(
    void *arg, enum pg_reader_status status, struct value *v)
{
	struct lookup *l = arg;
	heard(l, TIER_REPLICA);
	/* If its row is too large, the replica has no value; the primary's row
	 * may be newer and smaller.
	 */
	if (status != PG_READER_TOO_LARGE && lookup_refused(l, status))
		return;
	if (status == PG_READER_OK && lookup_may_serve(l, v, TIER_REPLICA)) {
		found(l, v, TIER_REPLICA);
		return;
	}
	if (status == PG_READER_OK) {
		l->skipped |= SKIP_REPLICA_BEHIND;
		metric_add(&l->thread->metrics->replica_old, 1);
	} else {
		l->skipped |= SKIP_REPLICA_DOWN;
	}
	value_unref(&v);
	ask_primary(l);
}

static void lookup_ask_replica(struct lookup *l)
{
	struct pg_reader *replica = l->thread->replica;
	if (replica &&
	    ask_server(l, replica, l->thread->replica_lists, lookup_on_replica))
		return;
	if (replica)
		l->skipped |= SKIP_REPLICA_DOWN;
	ask_primary(l);
}

static void on_behind_retry(void *arg)
{
	ask_primary(arg);
}

/* The primary lacks commits that this instance has heard of: it was replaced by
 * a standby that did not have them. The writer applies them again.
 */
static void primary_behind(struct lookup *l)
{
	metric_add(&l->thread->metrics->primary_old, 1);
	l->skipped |= SKIP_PRIMARY_BEHIND;
	if (clock_mono() >= l->deadline) {
		land(l);
		return;
	}
	if (l->timer == NULL)
		l->timer = loop_timer_new(l->thread->loop, on_behind_retry, l);
	loop_timer_start(l->timer, BEHIND_RETRY_US);
}

static void lookup_on_primary(
    void *arg, enum pg_reader_status status, struct value *v)
{
	struct lookup *l = arg;
	heard(l, TIER_PRIMARY);
	if (lookup_refused(l, status))
		return;
	if (status == PG_READER_OK && lookup_may_serve(l, v, TIER_PRIMARY)) {
		l->skipped &= ~(unsigned)SKIP_PRIMARY_BEHIND;
		found(l, v, TIER_PRIMARY);
		return;
	}
	value_unref(&v);
	if (status == PG_READER_OK) {
		primary_behind(l);
		return;
	}
	/* A connection that died while idle is noticed by its next query. */
	if (!l->retried) {
		l->retried = true;
		ask_primary(l);
		return;
	}
	l->skipped |= SKIP_PRIMARY_DOWN;
	land_later(l);
}

static void ask_primary(struct lookup *l)
{
	struct thread *t = l->thread;
	if (ask_server(l, t->primary, t->primary_lists, lookup_on_primary))
		return;
	l->skipped |= SKIP_PRIMARY_DOWN;
	land_later(l);
}

/* --- joining ------------------------------------------------------------- */

enum lookup_way lookup_way(const struct request *r)
{
	const struct instance *instance = r->thread->instance;
	bool hears = known(instance, spans(r->read->list), r->target.slot) &&
		     (!instance->bypass_without_log || tail_up(instance->tail));
	if (r->read->cache.only_if_cached)
		return hears && !r->read->cache.no_cache ? LOOKUP_CACHES
							 : LOOKUP_NONE;
	if (!hears)
		return LOOKUP_PRIMARY;
	return r->read->cache.no_cache ? LOOKUP_FRESH : LOOKUP_ALL;
}

/* The mode of the lookup. Lookups share a result if they go the same way and
 * began after the same purge. */
static uint64_t mode_of(struct request *r)
{
	struct thread *t = r->thread;
	if (r->read->way == LOOKUP_FRESH)
		return (uint64_t)(t->index + 1) << 48 | ++t->fresh_lookups;
	return atomic_load(&t->instance->purges) << 8 | (uint64_t)r->read->way;
}

static void lookup_begin(struct lookup *l)
{
	switch (l->way) {
	case LOOKUP_ALL:
	case LOOKUP_CACHES:
		if (l->list)
			lookup_go_on(l);
		else
			lookup_ask_redis(l);
		return;
	case LOOKUP_FRESH:
		lookup_ask_replica(l);
		return;
	case LOOKUP_PRIMARY:
		l->skipped |= SKIP_TAIL_CLOSED;
		ask_primary(l);
		return;
	case LOOKUP_NONE:
		break;
	}
	UNREACHABLE("a lookup of nothing");
}

static void lookup_start(struct request *r)
{
	struct thread *t = r->thread;
	struct lookup *l = MEM_NEW(struct lookup);
	*l = (struct lookup){
	    .thread = t,
	    .way = r->read->way,
	    .mode = r->read->mode,
	    .purges = atomic_load(&t->instance->purges),
	    .collection = r->target.collection,
	    .id = mem_strndup(r->target.id, r->target.id_len),
	    .id_len = r->target.id_len,
	    .key_len = r->target.key_len,
	    .slot = r->target.slot,
	    .list = r->read->list ? list_query_ref(r->read->list) : NULL,
	    .started = clock_mono(),
	};
	l->key = l->id + (r->target.id_len - r->target.key_len);
	l->deadline = l->started + t->instance->settings->read_timeout;
	t->lookups++;
	metric_add(&t->metrics->lookups, 1);
	lookup_begin(l);
}

void lookup_join(struct request *r)
{
	r->read->in_flight = true;
	r->read->request = r;
	r->read->mode = mode_of(r);
	bool leads = singleflight_join(r->thread->instance->singleflight,
	    r->read->mode, r->target.id, r->target.id_len, &r->read->flight);
	r->read->collapsed = !leads;
	if (leads)
		lookup_start(r);
	else
		metric_add(&r->thread->metrics->read_collapsed, 1);
}

bool lookup_leave(struct request *r)
{
	return singleflight_leave(r->thread->instance->singleflight,
	    r->read->mode, r->target.id, r->target.id_len, &r->read->flight);
}
