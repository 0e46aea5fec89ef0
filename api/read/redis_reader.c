#include "api/read/redis_reader.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/cache/l2.h"
#include "common/cache/l2_fill.h"
#include "common/log/record.h"
#include "common/log/renamed.h"

#include <stdlib.h>

struct get {
	const char *id; /* the caller's */
	size_t id_len;
	redis_reader_done done;
	void *arg;
};

static enum redis_reader_status redis_reader_parse(
    const struct get *g, const redisReply *reply, struct value **out)
{
	if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
	    reply->elements != 2)
		return REDIS_READER_FAILED;
	const redisReply *w = reply->element[0], *e = reply->element[1];
	struct l2_watermark watermark;
	struct l2_entry entry;
	if (w->type != REDIS_REPLY_STRING || e->type != REDIS_REPLY_STRING ||
	    !l2_watermark_parse(w->str, w->len, &watermark) ||
	    !l2_entry_parse(e->str, e->len,
		l2_generation(w->str, w->len, g->id, g->id_len), &entry))
		return REDIS_READER_MISS;
	struct buf renamed = {0};
	const struct collection *c =
	    collection_find(g->id, record_collection_len(g->id, g->id_len));
	if (c && entry.present &&
	    renamed_document(&renamed, c, entry.doc, entry.len)) {
		entry.doc = renamed.data;
		entry.len = renamed.len;
	}
	*out = value_new(entry.version, watermark.watermark,
	    entry.present ? entry.doc : NULL, entry.len);
	buf_free(&renamed);
	return REDIS_READER_HIT;
}

static void on_get(void *arg, const redisReply *reply)
{
	struct get g = *(struct get *)arg;
	free(arg);
	struct value *v = NULL;
	enum redis_reader_status status = redis_reader_parse(&g, reply, &v);
	g.done(g.arg, status, v);
}

bool redis_reader_get(struct redis *r, int32_t partition, const char *id,
    size_t len, redis_reader_done done, void *arg)
{
	struct buf watermark = {0}, entry = {0};
	l2_watermark_key(&watermark, partition);
	l2_entry_key(&entry, partition, id, len);
	const char *const argv[] = {"MGET", watermark.data, entry.data};
	const size_t lens[] = {4, watermark.len, entry.len};
	struct get *g = MEM_NEW(struct get);
	*g = (struct get){id, len, done, arg};
	bool sent = redis_submit(r, 3, argv, lens, on_get, g);
	if (!sent)
		free(g);
	buf_free(&watermark);
	buf_free(&entry);
	return sent;
}

static void redis_reader_ignore(void *arg, const redisReply *reply)
{
	(void)arg;
	(void)reply;
}

void redis_reader_fill(struct redis *r, struct key_slot slot, const char *id,
    size_t len, const struct value *v, dur_us_t ttl)
{
	const struct l2_entry e = {v->present, v->version, v->doc, v->len};
	/* If Redis refuses it or the command is lost, the entry is absent,
	 * which is safe. */
	l2_fill_send(
	    r, slot, id, len, v->as_of, &e, ttl, redis_reader_ignore, NULL);
}
