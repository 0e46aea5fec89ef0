#include "api/admin/inspect.h"

#include "api/admin/tier_compare.h"
#include "api/cache/floors.h"
#include "api/cache/l1.h"
#include "api/cache/tier.h"
#include "api/commits/backlog.h"
#include "api/commits/tail.h"
#include "api/core/instance.h"
#include "api/core/settings.h"
#include "api/read/pg_reader.h"
#include "api/read/redis_reader.h"
#include "common/base/mem.h"
#include "common/cache/l2.h"
#include "common/schema/expiry.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NO_TTL = -1 };

/* What a tier answered. */
struct sight {
	bool away; /* the tier could not be asked */
	struct value *value;
	int64_t ttl_ms; /* NO_TTL: none, or unknown */
};

struct inspect {
	struct instance *instance;
	struct thread *thread;
	operand_done done;
	void *arg;
	struct operand operand;
	struct sight tiers[TIERS];
	size_t due; /* request thread only: answers to come */
};

/* --- the answer, on the main loop ---------------------------------------- */

/* As a string, because many JSON parsers read numbers as doubles. */
static void add_version(struct buf *out, const char *name, version_t v)
{
	buf_printf(out, ",\"%s\":\"%" PRIu64 "\"", name, v);
}

static const char *state_of(const struct sight *s)
{
	if (s->away)
		return "unavailable";
	if (s->value == NULL)
		return "none";
	return s->value->present ? "present" : "absent";
}

/* The tier holds it, but no reader gets it. */
static bool is_expired(const struct inspect *i, const struct value *v)
{
	return v && v->present &&
	       expiry_is_over(expiry_of(i->operand.collection, v->doc, v->len),
		   clock_wall());
}

static void write_sight(struct buf *out, const char *name,
    const struct sight *s, bool expired, enum tier_compare how)
{
	const struct value *v = s->value;
	buf_printf(out, ",\"%s\":{\"state\":\"%s\"", name, state_of(s));
	if (expired)
		buf_str(out, ",\"expired\":true");
	if (v && v->present)
		add_version(out, "version", v->version);
	if (v)
		add_version(out, "as_of", v->as_of);
	if (v && s->ttl_ms != NO_TTL)
		buf_printf(out, ",\"ttl_ms\":%" PRId64, s->ttl_ms);
	buf_printf(out, ",\"verdict\":\"%s\"}", tier_compare_name(how));
}

static void write_instance(
    struct buf *out, struct inspect *i, version_t floor, version_t through)
{
	/* The end was measured up to a second ago. */
	int64_t end =
	    backlog_end(i->instance->backlog, i->operand.slot.partition);
	int64_t pending = end - version_offset(through);
	buf_printf(
	    out, ",\"instance\":{\"watermark\":\"%" PRIu64 "\"", through);
	if (floor == FLOORS_CLOSED)
		buf_str(out, ",\"floor\":null");
	else
		add_version(out, "floor", floor);
	if (end < 0)
		buf_str(out, ",\"pending_writes\":null}");
	else
		buf_printf(out, ",\"pending_writes\":%" PRId64 "}",
		    pending > 0 ? pending : 0);
}

static void write_report(struct buf *out, struct inspect *i)
{
	static const char *const names[TIERS] = {[TIER_L1] = "l1",
	    [TIER_REDIS] = "redis",
	    [TIER_REPLICA] = "replica",
	    [TIER_PRIMARY] = "primary"};
	const struct operand *o = &i->operand;
	version_t floor = floors_get(i->instance->floors, o->slot);
	version_t through = tail_through(i->instance->tail, o->slot.partition);
	enum tier_compare worst = TIER_COMPARE_NONE;
	buf_printf(out, "{\"collection\":\"%s\",\"key\":", o->collection->name);
	buf_json(out, o->key, o->key_len);
	buf_printf(out, ",\"partition\":%" PRId32 ",\"bucket\":%" PRIu32,
	    o->slot.partition, o->slot.bucket);
	write_instance(out, i, floor, through);
	for (int t = TIER_L1; t < TIERS; t++) {
		const struct sight *s = &i->tiers[t];
		enum tier_compare how = tier_compare_of(
		    s->value, floor, through, i->tiers[TIER_PRIMARY].value);
		worst = how > worst ? how : worst;
		if (t == TIER_REPLICA &&
		    !i->instance->settings->replica_urls[0])
			buf_str(out, ",\"replica\":null");
		else
			write_sight(
			    out, names[t], s, is_expired(i, s->value), how);
	}
	buf_printf(out, ",\"verdict\":\"%s\"}\n", tier_compare_name(worst));
}

static void inspect_finish(void *arg)
{
	struct inspect *i = arg;
	struct instance *instance = i->instance;
	struct buf body = {0};
	write_report(&body, i);
	i->done(i->arg, 200, &body);
	for (int t = 0; t < TIERS; t++)
		value_unref(&i->tiers[t].value);
	operand_free(&i->operand);
	free(i);
	instance_release(instance);
}

/* --- the questions, on the request thread -------------------------------- */

static void inspect_answered(struct inspect *i)
{
	if (--i->due)
		return;
	i->thread->lookups--;
	loop_post(i->instance->loop, inspect_finish, i);
}

static void inspect_on_redis(
    void *arg, enum redis_reader_status status, struct value *v)
{
	struct inspect *i = arg;
	i->tiers[TIER_REDIS].value = v;
	i->tiers[TIER_REDIS].away = status == REDIS_READER_FAILED;
	inspect_answered(i);
}

static void on_ttl(void *arg, const redisReply *reply)
{
	struct inspect *i = arg;
	if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
		i->tiers[TIER_REDIS].ttl_ms = reply->integer;
	inspect_answered(i);
}

static void inspect_on_row(struct inspect *i, enum tier t,
    enum pg_reader_status status, struct value *v)
{
	i->tiers[t].value = v;
	i->tiers[t].away = status != PG_READER_OK;
	inspect_answered(i);
}

static void inspect_on_replica(
    void *arg, enum pg_reader_status status, struct value *v)
{
	inspect_on_row(arg, TIER_REPLICA, status, v);
}

static void inspect_on_primary(
    void *arg, enum pg_reader_status status, struct value *v)
{
	inspect_on_row(arg, TIER_PRIMARY, status, v);
}

static void look_into_l1(struct inspect *i)
{
	mono_us_t now = clock_mono(), expires = now;
	const struct operand *o = &i->operand;
	struct sight *s = &i->tiers[TIER_L1];
	s->value = l1_peek(i->instance->l1, o->id, o->id_len, now, &expires);
	s->ttl_ms = (expires - now) / 1000;
}

static void inspect_ask_redis(struct inspect *i)
{
	const struct operand *o = &i->operand;
	struct redis *r = i->thread->redis;
	struct buf key = {0};
	l2_entry_key(&key, o->slot.partition, o->id, o->id_len);
	const char *const argv[] = {"PTTL", key.data};
	const size_t lens[] = {4, key.len};
	if (redis_reader_get(
		r, o->slot.partition, o->id, o->id_len, inspect_on_redis, i))
		i->due++;
	else
		i->tiers[TIER_REDIS].away = true;
	if (redis_submit(r, 2, argv, lens, on_ttl, i))
		i->due++;
	buf_free(&key);
}

static void inspect_ask_postgres(struct inspect *i, struct pg_reader *server,
    enum tier t, pg_reader_done done)
{
	const struct operand *o = &i->operand;
	if (server && pg_reader_get(server, o->collection, o->key, o->key_len,
			  o->slot.partition, done, i))
		i->due++;
	else
		i->tiers[t].away = true;
}

static void inspect_ask(void *arg)
{
	struct inspect *i = arg;
	i->thread->lookups++; /* so that the thread does not end */
	i->due = 1;
	look_into_l1(i);
	inspect_ask_redis(i);
	inspect_ask_postgres(
	    i, i->thread->replica, TIER_REPLICA, inspect_on_replica);
	inspect_ask_postgres(
	    i, i->thread->primary, TIER_PRIMARY, inspect_on_primary);
	inspect_answered(i);
}

void inspect_begin(
    struct instance *instance, struct operand *o, operand_done done, void *arg)
{
	struct inspect *i = MEM_NEW(struct inspect);
	*i = (struct inspect){.instance = instance,
	    .thread = instance->threads[0],
	    .done = done,
	    .arg = arg,
	    .operand = *o};
	for (int t = 0; t < TIERS; t++)
		i->tiers[t].ttl_ms = NO_TTL;
	instance_hold(instance);
	loop_post(i->thread->loop, inspect_ask, i);
}
