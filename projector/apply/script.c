#include "projector/apply/script.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/cache/l2.h"
#include "common/log/record.h"
#include "common/schema/collection.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The arguments, one after the other in one buffer. Pointers into it are taken
 * when it no longer grows. */
struct args {
	struct buf bytes;
	size_t *ends;
	size_t n, cap;
};

static void end_arg(struct args *a)
{
	MEM_GROW(a->ends, a->cap, a->n);
	a->ends[a->n++] = a->bytes.len;
}

static void script_add_hex(struct args *a, version_t v)
{
	char hex[VERSION_HEX_LEN + 1];
	version_to_hex(v, hex);
	buf_add(&a->bytes, hex, VERSION_HEX_LEN);
	end_arg(a);
}

static void script_add_number(struct args *a, int64_t n)
{
	buf_printf(&a->bytes, "%" PRId64, n);
	end_arg(a);
}

/* The new one. */
static void add_cursor(struct args *a, const struct chunk *c)
{
	l2_cursor(&a->bytes, &(struct l2_cursor){c->cursor, c->next});
	end_arg(a);
}

static void add_partition_keys(struct args *a, int32_t partition)
{
	l2_watermark_key(&a->bytes, partition);
	end_arg(a);
	l2_floors_key(&a->bytes, partition);
	end_arg(a);
	l2_cursor_key(&a->bytes, partition);
	end_arg(a);
}

static void add_entry(struct args *a, const struct chunk_entry *e, dur_us_t ttl,
    struct random *jitter)
{
	const struct l2_entry entry = {
	    e->present, e->version, e->doc ? e->doc : "", e->doc_len};
	const struct collection *c =
	    collection_find(e->id, record_collection_len(e->id, e->id_len));
	if (c && c->l2_ttl)
		ttl = c->l2_ttl;
	dur_us_t life = random_ttl(jitter, ttl);
	script_add_number(a, l2_bucket(e->bucket));
	script_add_hex(a, e->floor);
	script_add_number(a, e->set ? (life < 1000 ? 1 : life / 1000) : 0);
	if (e->set) {
		l2_payload(&a->bytes, &entry);
		end_arg(a);
	} else {
		/* An entry that a reader filled with this row or a newer one
		 * stays. */
		script_add_hex(a, e->floor - 1);
	}
}

static void add_apply(
    struct args *a, int32_t partition, const struct chunk *c, dur_us_t ttl)
{
	add_partition_keys(a, partition);
	for (size_t i = 0; i < c->n; i++) {
		l2_entry_key(&a->bytes, partition, c->entries[i].id,
		    c->entries[i].id_len);
		end_arg(a);
	}
	script_add_hex(a, c->turn);
	script_add_hex(a, c->to);
	add_cursor(a, c);
	struct random jitter;
	random_init(&jitter, c->turn);
	for (size_t i = 0; i < c->n; i++)
		add_entry(a, &c->entries[i], ttl, &jitter);
}

static void add_start(
    struct args *a, int32_t partition, const struct chunk *c, wall_us_t now)
{
	add_partition_keys(a, partition);
	if (c->initialised)
		script_add_hex(a, c->from);
	else
		end_arg(a); /* none is there */
	script_add_hex(a, c->to);
	script_add_hex(a, chunk_base(c));
	add_cursor(a, c);
	script_add_hex(a, (version_t)now);
}

static bool eval(struct redis *r, enum l2_script script, size_t nkeys,
    const struct args *a, redis_done done, void *arg)
{
	const char **argv = mem_alloc(a->n * sizeof *argv);
	size_t *lens = mem_alloc(a->n * sizeof *lens);
	size_t begin = 0;
	for (size_t i = 0; i < a->n; i++) {
		argv[i] = a->bytes.data + begin;
		lens[i] = a->ends[i] - begin;
		begin = a->ends[i];
	}
	bool sent =
	    redis_eval(r, script, (int)nkeys, (int)a->n, argv, lens, done, arg);
	free(argv);
	free(lens);
	return sent;
}

/* --- sent ---------------------------------------------------------------- */

struct script {
	redis_done done; /* NULL: nobody waits for it */
	void *arg;
};

static void script_on_answer(void *arg, const redisReply *reply)
{
	struct script s = *(struct script *)arg;
	free(arg);
	if (s.done)
		s.done(s.arg, reply);
}

struct script *script_send(struct redis *r, int32_t partition,
    const struct chunk *c, dur_us_t ttl, wall_us_t now, redis_done done,
    void *arg)
{
	struct args a = {0};
	struct script *s = MEM_NEW(struct script);
	*s = (struct script){done, arg};
	bool sent;
	CHECK(c->due != CHUNK_NOTHING);
	if (c->due == CHUNK_APPLY) {
		add_apply(&a, partition, c, ttl);
		sent = eval(r, L2_APPLY, 3 + c->n, &a, script_on_answer, s);
	} else {
		add_start(&a, partition, c, now);
		sent = eval(r, L2_START, 3, &a, script_on_answer, s);
	}
	buf_free(&a.bytes);
	free(a.ends);
	if (sent)
		return s;
	free(s);
	return NULL;
}

void script_forget(struct script **s)
{
	if (*s)
		(*s)->done = NULL;
	*s = NULL;
}

bool script_was_applied(const struct chunk *c, const redisReply *reply)
{
	char hex[VERSION_HEX_LEN + 1];
	version_to_hex(c->to, hex);
	return reply->type == REDIS_REPLY_STRING &&
	       reply->len == VERSION_HEX_LEN &&
	       memcmp(reply->str, hex, VERSION_HEX_LEN) == 0;
}
