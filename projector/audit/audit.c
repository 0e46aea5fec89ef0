/* A check is one sample in one tier; it holds a reference to the sample. The
 * answer of the tier is compared with what is known of the key when the answer
 * comes, so that commits that were heard meanwhile count
 * (projector/audit/audit_rule.h).
 */
#include "projector/audit/audit.h"

#include "projector/audit/instances.h"
#include "projector/audit/samples.h"
#include "projector/warm/rows.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/cache/l2.h"
#include "common/postgres/pg.h"
#include "common/schema/collection.h"

#include <inttypes.h>
#include <stdlib.h>

#define TICK CLOCK_MS(100)
enum { MAX_PER_TICK = 256 };

enum tier { TIER_REDIS, TIER_REPLICA, TIER_L1, TIERS };
static const char *const tier_names[TIERS] = {"redis", "replica", "l1"};

struct audit {
	struct stats *stats;
	struct redis *redis;
	struct rows *replica;	       /* NULL: none is set */
	struct tls_client_options tls; /* of the instances */
	struct instances *instances;
	struct samples *samples;
	version_t *heard; /* by partition */
	size_t partitions;
	struct loop_timer *tick;
};

struct check {
	struct audit *a;
	struct sample *sample;
	enum tier tier;
};

/* --- results ------------------------------------------------------------- */

static metric_t *counter(struct audit *a, enum tier t, enum audit_result r)
{
	struct stats *s = a->stats;
	metric_t *all[TIERS][AUDIT_VIOLATION + 1] = {
	    [TIER_REDIS] = {&s->audit_redis_skipped, &s->audit_redis_current,
		&s->audit_redis_changed, &s->audit_redis_violations},
	    [TIER_REPLICA] = {&s->audit_replica_skipped,
		&s->audit_replica_current, &s->audit_replica_changed,
		&s->audit_replica_violations},
	    [TIER_L1] = {&s->audit_l1_skipped, &s->audit_l1_current,
		&s->audit_l1_changed, &s->audit_l1_violations},
	};
	return all[t][r];
}

static void audit_report(
    const struct check *c, const struct audit_sight *s, const char *instance)
{
	const struct sample *one = c->sample;
	log_event(EV_AUDIT_VIOLATION,
	    "tier=%s instance=%s key=%s partition=%d committed=%" PRIu64
	    "%s found=%" PRIu64 "%s as_of=%" PRIu64,
	    tier_names[c->tier], instance ? instance : "none",
	    log_quote(one->id), one->partition, one->commit.version,
	    one->commit.present ? "" : "(deleted)", s->version,
	    s->present ? "" : "(absent)", s->as_of);
}

/* The check is over; `s` NULL: the tier has nothing, or no answer. */
static void audit_finish(
    struct check *c, const struct audit_sight *s, const char *instance)
{
	struct audit *a = c->a;
	enum audit_result r = AUDIT_SKIPPED;
	if (s && !c->sample->dropped)
		r = audit_judge(
		    &c->sample->commit, s, a->heard[c->sample->partition]);
	metric_add(counter(a, c->tier, r), 1);
	if (r == AUDIT_VIOLATION)
		audit_report(c, s, instance);
	samples_release(a->samples, &c->sample);
	free(c);
}

static struct check *check_new(
    struct audit *a, struct sample *one, enum tier tier)
{
	struct check *c = MEM_NEW(struct check);
	*c = (struct check){a, one, tier};
	samples_hold(one);
	return c;
}

/* --- Redis --------------------------------------------------------------- */

static bool read_redis(
    const struct check *c, const redisReply *reply, struct audit_sight *out)
{
	const struct sample *one = c->sample;
	struct l2_watermark at;
	struct l2_entry entry;
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != 2)
		return false;
	const redisReply *w = reply->element[0], *e = reply->element[1];
	if (w->type != REDIS_REPLY_STRING || e->type != REDIS_REPLY_STRING ||
	    !l2_watermark_parse(w->str, w->len, &at) ||
	    !l2_entry_parse(e->str, e->len,
		l2_generation(w->str, w->len, one->id, one->id_len), &entry))
		return false;
	*out = (struct audit_sight){.present = entry.present,
	    .version = entry.version,
	    .as_of = at.watermark,
	    .has_digest = true,
	    .digest = hash_bytes(entry.doc, entry.len)};
	return true;
}

static void audit_on_redis(void *arg, const redisReply *reply)
{
	struct audit_sight s;
	bool seen = read_redis(arg, reply, &s);
	audit_finish(arg, seen ? &s : NULL, NULL);
}

static void audit_ask_redis(struct audit *a, struct sample *one)
{
	struct buf watermark = {0}, entry = {0};
	struct check *c = check_new(a, one, TIER_REDIS);
	l2_watermark_key(&watermark, one->partition);
	l2_entry_key(&entry, one->partition, one->id, one->id_len);
	const char *const argv[] = {"MGET", watermark.data, entry.data};
	const size_t lens[] = {4, watermark.len, entry.len};
	if (!redis_submit(a->redis, 3, argv, lens, audit_on_redis, c))
		audit_finish(c, NULL, NULL);
	buf_free(&watermark);
	buf_free(&entry);
}

/* --- the replica --------------------------------------------------------- */

static void audit_on_row(
    void *arg, const struct err *e, const struct row *row, size_t n)
{
	(void)e;
	if (n != 1 || row->too_large) {
		audit_finish(arg, NULL, NULL);
		return;
	}
	const struct audit_sight s = {.present = row->present,
	    .version = row->version,
	    .as_of = row->as_of,
	    .has_digest = row->present,
	    .digest = hash_bytes(row->doc, row->len)};
	audit_finish(arg, &s, NULL);
}

static void audit_ask_replica(struct audit *a, struct sample *one)
{
	size_t name = record_collection_len(one->id, one->id_len);
	const struct collection *collection = collection_find(one->id, name);
	const struct row_key key = {
	    one->id + name + 1, one->id_len - name - 1, one->partition};
	struct check *c = check_new(a, one, TIER_REPLICA);
	if (collection == NULL ||
	    !rows_read(a->replica, collection, &key, 1, audit_on_row, c))
		audit_finish(c, NULL, NULL);
}

/* --- the instances ------------------------------------------------------- */

static void on_instance(
    void *arg, const struct audit_sight *s, const char *address)
{
	audit_finish(arg, s, address);
}

static void ask_instances(struct audit *a, struct sample *one)
{
	for (size_t i = 0; i < instances_count(a->instances); i++) {
		struct check *c = check_new(a, one, TIER_L1);
		if (!instances_ask(
			a->instances, i, one->id, one->id_len, on_instance, c))
			audit_finish(c, NULL, NULL);
	}
}

/* --- time ---------------------------------------------------------------- */

static void audit_on_tick(void *arg)
{
	struct audit *a = arg;
	struct sample *one;
	for (int i = 0; i < MAX_PER_TICK &&
			(one = samples_due(a->samples, clock_mono())) != NULL;
	     i++) {
		audit_ask_redis(a, one);
		if (a->replica)
			audit_ask_replica(a, one);
		ask_instances(a, one);
		samples_release(a->samples, &one);
	}
	metric_set(
	    &a->stats->audit_samples, (int64_t)samples_count(a->samples));
	loop_timer_start(a->tick, TICK);
}

/* --- what is heard
 * ------------------------------------------------------------ */

void audit_record(struct audit *a, int32_t partition,
    const struct record_commit *r, bool newest)
{
	if (a == NULL || r->version < a->heard[partition])
		return;
	mono_us_t now = clock_mono();
	if (!samples_want(a->samples, r->id, r->id_len, newest, now))
		return;
	const struct audit_commit c = {.version = r->version,
	    .present = r->doc != NULL,
	    .digest = r->doc ? hash_bytes(r->doc, r->doc_len) : 0};
	samples_hear(a->samples, r->id, r->id_len, partition, &c, newest, now);
}

void audit_mark(struct audit *a, int32_t partition, version_t watermark)
{
	if (a)
		a->heard[partition] = watermark;
}

void audit_forget(struct audit *a, int32_t partition)
{
	if (a == NULL)
		return;
	samples_drop(a->samples, partition);
	a->heard[partition] = 0;
}

/* --- life
 * --------------------------------------------------------------------- */

static struct tls_client_options audit_tls(const struct projector_settings *s)
{
	return (struct tls_client_options){
	    .name = "audit.tls",
	    .ca = s->audit_tls_ca,
	    .cert = s->audit_tls_cert,
	    .key = s->audit_tls_key,
	};
}

struct err audit_check_settings(const struct projector_settings *s)
{
	const struct tls_client_options tls = audit_tls(s);
	struct err e = instances_check(s->audit_instances);
	if (e.kind == ERR_KIND_OK)
		e = tls_client_check(&tls);
	if (e.kind == ERR_KIND_OK && s->replica_urls[0])
		e = pg_check_url("replica.urls", s->replica_urls);
	return e;
}

struct audit *audit_new(struct loop *l, const struct projector_settings *s,
    struct redis *r, struct stats *stats)
{
	if (s->audit_rate == 0)
		return NULL;
	struct audit *a = MEM_NEW(struct audit);
	a->stats = stats;
	a->redis = r;
	a->samples = samples_new((size_t)s->audit_rate);
	a->partitions = (size_t)s->common.partitions;
	a->heard = mem_zalloc(a->partitions * sizeof *a->heard);
	a->tls = audit_tls(s);
	a->instances = instances_new(
	    l, s->audit_instances, s->common.admin_token, &a->tls);
	if (s->replica_urls[0])
		a->replica = rows_new(l, "replica", s->replica_urls,
		    "prefer-standby", s->common.document_max);
	a->tick = loop_timer_new(l, audit_on_tick, a);
	loop_timer_start(a->tick, TICK);
	return a;
}

void audit_stop(struct audit *a)
{
	if (a)
		loop_timer_stop(a->tick);
}

void audit_free(struct audit **ap)
{
	struct audit *a = *ap;
	if (a == NULL)
		return;
	rows_free(&a->replica);
	instances_free(&a->instances);
	samples_free(&a->samples);
	loop_timer_free(&a->tick);
	free(a->heard);
	free(a);
	*ap = NULL;
}
