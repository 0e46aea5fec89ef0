#include "api/admin/purge.h"

#include "api/cache/l1.h"
#include "api/cache/value.h"
#include "api/core/instance.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/cache/l2.h"
#include "common/log/keyspace.h"

#include <stdlib.h>
#include <string.h>

struct purge {
	struct instance *instance;
	purge_done done;
	void *arg;
	struct operand operand;
	wall_us_t now;
	uv_work_t sweep;
	size_t swept;	   /* number of entries removed from L1 */
	size_t due;	   /* main loop only: parts that are not done */
	bool redis_failed; /* main loop only */
};

/* What one request thread does. */
struct part {
	struct purge *purge;
	struct thread *thread;
	size_t due; /* answers of Redis to come */
	bool failed;
};

/* --- the end, on the main loop ------------------------------------------- */

static const char *scope(const struct operand *o)
{
	if (o->key)
		return "key";
	return o->collection ? "collection" : "all";
}

static void purge_write_report(struct purge *p)
{
	const struct purge_report said = {p->swept, !p->redis_failed};
	log_event(EV_CACHE_PURGED,
	    "scope=%s id=%s l1_entries=%zu redis=%s request=%s",
	    scope(&p->operand), log_quote(p->operand.id), p->swept,
	    said.redis ? "purged" : "unavailable",
	    log_quote(p->operand.request));
	p->done(p->arg, &said);
}

static void part_done(struct purge *p)
{
	struct instance *instance = p->instance;
	if (--p->due)
		return;
	purge_write_report(p);
	operand_free(&p->operand);
	free(p);
	instance_release(instance);
}

/* --- Redis, on each request thread --------------------------------------- */

static void on_part_done(void *arg)
{
	struct part *part = arg;
	struct purge *p = part->purge;
	p->redis_failed = p->redis_failed || part->failed;
	free(part);
	part_done(p);
}

static void purge_answered(struct part *part)
{
	if (--part->due)
		return;
	part->thread->lookups--;
	loop_post(part->purge->instance->loop, on_part_done, part);
}

static void purge_on_reply(void *arg, const redisReply *reply)
{
	struct part *part = arg;
	if (reply == NULL || reply->type != REDIS_REPLY_INTEGER)
		part->failed = true;
	purge_answered(part);
}

static bool unlink_entry(struct part *part)
{
	const struct operand *o = &part->purge->operand;
	struct buf key = {0};
	l2_entry_key(&key, o->slot.partition, o->id, o->id_len);
	const char *const argv[] = {"UNLINK", key.data};
	const size_t lens[] = {6, key.len};
	bool sent = redis_submit(
	    part->thread->redis, 2, argv, lens, purge_on_reply, part);
	buf_free(&key);
	return sent;
}

static bool renew(struct part *part, int32_t partition)
{
	const struct operand *o = &part->purge->operand;
	const char *name = o->collection ? o->collection->name : "";
	char generation[VERSION_HEX_LEN + 1];
	struct buf key = {0};
	l2_watermark_key(&key, partition);
	version_to_hex((version_t)part->purge->now, generation);
	const char *const argv[] = {key.data, generation, name};
	const size_t lens[] = {key.len, VERSION_HEX_LEN, strlen(name)};
	bool sent = redis_eval(part->thread->redis, L2_PURGE, 1, 3, argv, lens,
	    purge_on_reply, part);
	buf_free(&key);
	return sent;
}

static void purge_redis(void *arg)
{
	struct part *part = arg;
	bool key = part->purge->operand.key != NULL;
	int32_t n = key ? 1 : part->purge->instance->partitions;
	part->thread->lookups++; /* so that the thread does not end */
	part->due = 1;
	for (int32_t i = 0; i < n; i++) {
		bool sent = key ? unlink_entry(part) : renew(part, i);
		part->due += sent;
		part->failed = part->failed || !sent;
	}
	purge_answered(part);
}

/* --- L1 ------------------------------------------------------------------ */

/* Sweeps the pages of lists that may contain the key; api/list/list_query.h has
 * the form of their ids. */
static size_t sweep_pages(struct purge *p)
{
	const struct operand *o = &p->operand;
	size_t len = o->id_len - o->key_len;
	char *prefix = mem_strndup(o->id, len);
	size_t n =
	    l1_purge(p->instance->l1, prefix, len + 1); /* including its NUL */
	free(prefix);
	return n;
}

/* Sweeps what was read of the key's group, or of any group if a collection is
 * purged. */
static size_t sweep_groups(struct purge *p)
{
	const struct operand *o = &p->operand;
	struct key_group group;
	struct buf prefix = {0};
	if (o->collection == NULL || !o->collection->group)
		return 0;
	buf_str(&prefix, KEYSPACE_BATCH "/");
	if (o->key && keyspace_group(o->id, o->id_len, &group)) {
		buf_add(&prefix, group.s, group.len);
		buf_char(&prefix, '\0');
	}
	size_t n = l1_purge(p->instance->l1, prefix.data, prefix.len);
	buf_free(&prefix);
	return n;
}

/* Runs on a thread of libuv's pool. */
static void purge_sweep(uv_work_t *work)
{
	struct purge *p = work->data;
	const struct operand *o = &p->operand;
	p->swept += o->key ? sweep_pages(p)
			   : l1_purge(p->instance->l1, o->id, o->id_len);
	p->swept += sweep_groups(p);
}

static void on_swept(uv_work_t *work, int status)
{
	(void)status; /* it is never cancelled */
	part_done(work->data);
}

static void remove_key(struct purge *p)
{
	mono_us_t expires;
	const struct operand *o = &p->operand;
	struct value *v =
	    l1_peek(p->instance->l1, o->id, o->id_len, clock_mono(), &expires);
	p->swept = v != NULL;
	value_unref(&v);
	l1_remove(p->instance->l1, o->id, o->id_len);
}

void purge_begin(
    struct instance *instance, struct operand *o, purge_done done, void *arg)
{
	struct purge *p = MEM_NEW(struct purge);
	p->instance = instance;
	p->done = done;
	p->arg = arg;
	p->operand = *o;
	p->now = clock_wall();
	p->due = instance->nthreads;
	instance_hold(instance);
	atomic_fetch_add(&instance->purges, 1); /* first; see purge.h */
	if (o->key)
		remove_key(p);
	p->due++;
	p->sweep.data = p;
	uv_queue_work(
	    loop_uv(instance->loop), &p->sweep, purge_sweep, on_swept);
	for (size_t i = 0; i < instance->nthreads; i++) {
		struct part *part = MEM_NEW(struct part);
		*part =
		    (struct part){.purge = p, .thread = instance->threads[i]};
		loop_post(instance->threads[i]->loop, purge_redis, part);
	}
}

/* --- DELETE /cache ------------------------------------------------------- */

struct asked {
	operand_done done;
	void *arg;
	const char *scope;
};

static void purge_describe(void *arg, const struct purge_report *said)
{
	struct asked *asked = arg;
	struct buf body = {0};
	buf_printf(&body,
	    "{\"purged\":\"%s\",\"l1_entries\":%zu,\"redis\":\"%s\"}\n",
	    asked->scope, said->l1_entries,
	    said->redis ? "purged" : "unavailable");
	asked->done(asked->arg, said->redis ? 200 : 503, &body);
	free(asked);
}

void purge_begin_described(
    struct instance *instance, struct operand *o, operand_done done, void *arg)
{
	struct asked *asked = MEM_NEW(struct asked);
	*asked = (struct asked){done, arg, scope(o)};
	purge_begin(instance, o, purge_describe, asked);
}
