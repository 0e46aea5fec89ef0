/* Warms one partition after the other, in pieces of keys. Each piece is read
 * from the log and filled (projector/warm/refill.c); then there is a pause, for
 * warm.rate.
 *
 * Before the first piece, Redis's generation is read. After the last piece, it
 * is stored as `warmed`. If Redis was emptied or purged meanwhile, its
 * generation is another one, and the partition does not count as warm.
 */
#include "projector/warm/warm.h"

#include "projector/warm/refill.h"
#include "projector/warm/warm_keys.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/cache/l2.h"
#include "common/kafka/consumer.h"
#include "common/log/record.h"
#include "common/postgres/pg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum state {
	STATE_IDLE,
	STATE_ASKING, /* for the generation */
	STATE_READING,
	STATE_FILLING,
	STATE_PAUSING
};

struct warm {
	struct warm_options o;
	struct consumer *consumer;
	struct refill *refill;
	bool *wanted; /* by partition */
	size_t partitions;
	enum state state;
	int32_t partition;   /* unless IDLE */
	int64_t next, end;   /* in its log; -1: not known */
	int64_t filled;	     /* keys of the partition */
	uint64_t generation; /* 0: not known */
	unsigned number;     /* of the question for it */
	struct warm_keys keys;
	bool finished;	 /* the piece is the last one */
	mono_us_t began; /* the piece */
	struct loop_timer *timer;
};

/* Answers to an older question do not count. */
struct question {
	struct warm *warm;
	unsigned number;
};

static void begin_any(struct warm *w);
static void warm_drop_piece(struct warm *w);
static void next_partition(struct warm *w);

/* --- the log ------------------------------------------------------------- */

static void warm_read_piece(struct warm *w)
{
	const struct consumer_start start = {w->partition, w->next};
	warm_keys_clear(&w->keys);
	w->state = STATE_READING;
	w->began = clock_mono();
	consumer_assign(w->consumer, &start, 1);
}

static void warm_pause_for(struct warm *w, dur_us_t time)
{
	w->state = STATE_PAUSING;
	loop_timer_start(w->timer, time);
}

static void piece_is_read(struct warm *w, bool finished)
{
	consumer_assign(w->consumer, NULL, 0);
	w->finished = finished;
	w->state = STATE_FILLING;
	refill_start(w->refill, w->partition, &w->keys);
}

static void warm_on_message(void *arg, rd_kafka_message_t *m)
{
	struct warm *w = arg;
	struct record_commit r;
	if (w->state == STATE_READING && m->partition == w->partition &&
	    (w->next < 0 || m->offset >= w->next)) {
		w->next = m->offset + 1;
		if (w->end < 0)
			w->end = consumer_end(w->consumer, w->partition);
		if (!record_is_mark(m) &&
		    record_commit_parse(m, (int32_t)w->partitions, &r) && r.doc)
			warm_keys_add(&w->keys, r.id, r.id_len);
		bool finished = w->end >= 0 && w->next >= w->end;
		if (finished || warm_keys_full(&w->keys))
			piece_is_read(w, finished);
	}
	rd_kafka_message_destroy(m);
}

static void warm_on_eof(void *arg, int32_t partition, int64_t end)
{
	struct warm *w = arg;
	(void)end;
	if (w->state == STATE_READING && partition == w->partition)
		piece_is_read(w, true);
}

static void warm_on_fault(void *arg, int32_t partition, struct err e)
{
	struct warm *w = arg;
	if (w->state != STATE_READING || partition != w->partition)
		return;
	if (consumer_is_gone(&e)) /* retention, since the last piece */
		w->next = RD_KAFKA_OFFSET_BEGINNING;
	/* What was read is not read again. */
	if (w->keys.n > 0) {
		piece_is_read(w, false);
		return;
	}
	consumer_assign(w->consumer, NULL, 0);
	warm_pause_for(w, CLOCK_S(1));
}

/* --- the generation ------------------------------------------------------ */

static void on_generation(void *arg, const redisReply *reply)
{
	struct question q = *(struct question *)arg;
	struct warm *w = q.warm;
	struct l2_watermark at;
	free(arg);
	if (w->state != STATE_ASKING || q.number != w->number)
		return;
	if (reply && reply->type == REDIS_REPLY_NIL) {
		/* Redis was emptied again: its next start asks for a warm
		 * start. */
		warm_drop_piece(w);
		begin_any(w);
	} else if (reply && reply->type == REDIS_REPLY_STRING &&
		   l2_watermark_parse(reply->str, reply->len, &at)) {
		w->generation = at.generation;
		warm_read_piece(w);
	} else {
		warm_pause_for(w, CLOCK_S(1));
	}
}

static void ask_generation(struct warm *w)
{
	struct buf key = {0};
	l2_watermark_key(&key, w->partition);
	const char *argv[] = {"GET", key.data};
	const size_t lens[] = {3, key.len};
	struct question *q = MEM_NEW(struct question);
	*q = (struct question){w, ++w->number};
	w->state = STATE_ASKING;
	if (!redis_submit(w->o.redis, 2, argv, lens, on_generation, q)) {
		free(q);
		warm_pause_for(w, CLOCK_S(1));
	}
	buf_free(&key);
}

static void warm_ignore(void *arg, const redisReply *reply)
{
	(void)arg;
	(void)reply;
}

/* If this fails, the next owner warms the partition again. */
static void note_warmed(struct warm *w)
{
	struct buf key = {0};
	char hex[VERSION_HEX_LEN + 1];
	l2_warmed_key(&key, w->partition);
	version_to_hex(w->generation, hex);
	const char *argv[] = {"SET", key.data, hex};
	const size_t lens[] = {3, key.len, VERSION_HEX_LEN};
	(void)redis_submit(w->o.redis, 3, argv, lens, warm_ignore, NULL);
	buf_free(&key);
}

/* --- pieces -------------------------------------------------------------- */

/* No faster than warm.rate. */
static void on_refilled(void *arg, size_t filled)
{
	struct warm *w = arg;
	dur_us_t least =
	    CLOCK_S(1) * (dur_us_t)w->keys.n / w->o.settings->warm_rate;
	dur_us_t took = clock_mono() - w->began;
	w->filled += (int64_t)filled;
	if (w->finished)
		next_partition(w);
	else
		warm_pause_for(w, took < least ? least - took : 0);
}

static void warm_on_timer(void *arg)
{
	struct warm *w = arg;
	if (w->generation)
		warm_read_piece(w);
	else
		ask_generation(w);
}

/* --- partitions ---------------------------------------------------------- */

static void warm_drop_piece(struct warm *w)
{
	refill_stop(w->refill);
	loop_timer_stop(w->timer);
	if (w->state == STATE_READING)
		consumer_assign(w->consumer, NULL, 0);
	w->state = STATE_IDLE;
	warm_keys_free(&w->keys);
}

static void warm_begin(struct warm *w, int32_t partition)
{
	warm_drop_piece(w);
	w->wanted[partition] = false;
	w->partition = partition;
	w->next = RD_KAFKA_OFFSET_BEGINNING;
	w->end = -1;
	w->filled = 0;
	w->generation = 0;
	log_event(EV_WARM_BEGIN, "partition=%d", partition);
	ask_generation(w);
}

static size_t warm_left(const struct warm *w)
{
	size_t n = w->state != STATE_IDLE;
	for (size_t i = 0; i < w->partitions; i++)
		n += w->wanted[i];
	return n;
}

static void begin_any(struct warm *w)
{
	for (size_t i = 0; i < w->partitions && w->state == STATE_IDLE; i++) {
		if (w->wanted[i])
			warm_begin(w, (int32_t)i);
	}
	metric_set(&w->o.stats->warm_partitions, (int64_t)warm_left(w));
}

static void next_partition(struct warm *w)
{
	log_event(EV_WARM_DONE, "partition=%d keys=%" PRId64, w->partition,
	    w->filled);
	note_warmed(w);
	warm_drop_piece(w);
	begin_any(w);
}

void warm_want(struct warm *w, int32_t partition)
{
	if (w == NULL)
		return;
	w->wanted[partition] = true;
	if (w->state != STATE_IDLE && w->partition == partition)
		warm_drop_piece(w);
	begin_any(w);
}

void warm_forget(struct warm *w, int32_t partition)
{
	if (w == NULL)
		return;
	w->wanted[partition] = false;
	if (w->state != STATE_IDLE && w->partition == partition)
		warm_drop_piece(w);
	begin_any(w);
}

static bool is_warmed(const redisReply *warmed, uint64_t generation)
{
	uint64_t done;
	return warmed && warmed->type == REDIS_REPLY_STRING &&
	       warmed->len == VERSION_HEX_LEN &&
	       version_from_hex(warmed->str, &done) && done == generation;
}

void warm_resume(struct warm *w, int32_t partition, const redisReply *watermark,
    const redisReply *warmed)
{
	struct l2_watermark at;
	if (w == NULL || watermark == NULL ||
	    watermark->type != REDIS_REPLY_STRING ||
	    !l2_watermark_parse(watermark->str, watermark->len, &at))
		return; /* it will be started anew */
	bool under_way = w->state != STATE_IDLE && w->partition == partition;
	if (!under_way && !is_warmed(warmed, at.generation))
		warm_want(w, partition);
}

void warm_json(const struct warm *w, struct buf *out)
{
	if (w == NULL) {
		buf_str(out, "null");
		return;
	}
	buf_printf(out, "{\"partitions_left\":%zu", warm_left(w));
	if (w->state != STATE_IDLE)
		buf_printf(out,
		    ",\"partition\":%d,\"offset\":%" PRId64 ",\"end\":%" PRId64
		    ",\"keys\":%" PRId64,
		    w->partition, w->next < 0 ? 0 : w->next, w->end, w->filled);
	buf_char(out, '}');
}

/* --- life ---------------------------------------------------------------- */

static struct err open_log(struct warm *w)
{
	static const struct consumer_events events = {
	    .message = warm_on_message,
	    .eof = warm_on_eof,
	    .fault = warm_on_fault,
	};
	const struct consumer_options o = {
	    .loop = w->o.loop,
	    .kafka = w->o.kafka,
	    .topic = w->o.settings->common.commits_topic,
	    .partitions = (size_t)w->o.settings->common.partitions,
	    .events = &events,
	    .arg = w,
	};
	return consumer_new(&o, &w->consumer);
}

struct err warm_new(const struct warm_options *o, struct warm **out)
{
	const struct projector_settings *s = o->settings;
	if (strcmp(s->warm, "full") != 0)
		return ERR_OK;
	struct err e = pg_check_url("primary.url", s->common.primary_url);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct warm *w = MEM_NEW(struct warm);
	*out = w;
	w->o = *o;
	w->partitions = (size_t)s->common.partitions;
	w->wanted = mem_zalloc(w->partitions * sizeof *w->wanted);
	w->refill = refill_new(&(struct refill_options){.loop = o->loop,
	    .settings = s,
	    .redis = o->redis,
	    .stats = o->stats,
	    .done = on_refilled,
	    .arg = w});
	w->timer = loop_timer_new(o->loop, warm_on_timer, w);
	return open_log(w);
}

void warm_stop(struct warm *w)
{
	if (w == NULL)
		return;
	memset(w->wanted, 0, w->partitions * sizeof *w->wanted);
	warm_drop_piece(w);
	begin_any(w);
}

void warm_free(struct warm **wp)
{
	struct warm *w = *wp;
	if (w == NULL)
		return;
	consumer_free(&w->consumer);
	refill_free(&w->refill);
	loop_timer_free(&w->timer);
	warm_keys_free(&w->keys);
	free(w->wanted);
	free(w);
	*wp = NULL;
}
