#include "api/changes/feed.h"

#include "api/changes/change_event.h"
#include "api/changes/change_filter.h"
#include "api/commits/tail.h"
#include "api/limits/budget.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/consumer.h"
#include "common/log/commits_reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define TICK CLOCK_S(1)

/* Bytes that wait for the client: at FULL the consumer is held, below ROOM it
 * goes on. */
enum { FULL = 256 * 1024, ROOM = 64 * 1024 };

struct feed_partition {
	struct change_filter core;
	/* The last event, until its mark or a tick. The events of an atomic
	 * batch are one: they have one version, and nothing of another
	 * partition comes between them. */
	struct buf last;
	size_t newest; /* where the newest of them begins: it gets the id */
	version_t last_version;
	bool confirmed; /* it can be read from its place */
};

struct feeds {
	struct feeds_options o;
	struct loop *loop;
	pthread_t thread;
	struct loop_timer *tick;
	struct feed *first;
};

struct feed {
	atomic_int refs; /* of both threads, and of posted messages */
	struct feeds *feeds;
	const struct collection *collection;
	char *request;		 /* its id */
	char *owner;		 /* NULL: all documents */
	const struct tail *tail; /* knows which commits may exist */
	uint32_t epoch;

	/* Used on the request's thread only. */
	struct loop *loop;
	void (*heard)(void *arg); /* NULL: closed */
	void *arg;

	atomic_bool told; /* a call of `heard` is on its way */
	_Atomic(enum feed_state) state;
	/* Used on both threads, under the lock. */
	pthread_mutex_t lock;
	struct buf out;
	size_t taken;
	size_t memory; /* bytes taken from budget_answers */
	bool held;     /* whether the consumer is held */

	/* Used on the feeds' thread only. */
	struct feed *next, *prev;
	struct consumer *consumer;
	bool stale; /* the places moved since an id was last sent */
	dur_us_t silent;
	size_t confirmed;
	struct feed_partition parts[];
};

/* --- between the threads ------------------------------------------------- */

static void feed_unref(struct feed *f)
{
	if (atomic_fetch_sub(&f->refs, 1) > 1)
		return;
	CHECK(f->consumer == NULL);
	pthread_mutex_destroy(&f->lock);
	buf_free(&f->out);
	budget_set(&budget_answers, &f->memory, 0);
	free(f->owner);
	free(f->request);
	free(f);
}

static void post(struct feed *f, struct loop *loop, void (*fn)(void *arg))
{
	atomic_fetch_add(&f->refs, 1);
	loop_post(loop, fn, f);
}

static void wake(void *arg)
{
	struct feed *f = arg;
	atomic_store(&f->told, false);
	if (f->heard)
		f->heard(f->arg);
	feed_unref(f);
}

static void feed_tell(struct feed *f)
{
	if (!atomic_exchange(&f->told, true))
		post(f, f->loop, wake);
}

static void feed_go_on(void *arg)
{
	struct feed *f = arg;
	if (f->consumer)
		consumer_hold(f->consumer, false);
	feed_unref(f);
}

enum feed_state feed_state(struct feed *f)
{
	return atomic_load(&f->state);
}

size_t feed_take(struct feed *f, char *to, size_t max)
{
	pthread_mutex_lock(&f->lock);
	size_t n = f->out.len - f->taken;
	if (n > max)
		n = max;
	if (n)
		memcpy(to, f->out.data + f->taken, n);
	f->taken += n;
	size_t left = f->out.len - f->taken;
	if (left < ROOM) {
		buf_drop(&f->out, f->taken);
		f->taken = 0;
	}
	if (left == 0)
		buf_free(&f->out); /* it may be large after a long event */
	budget_set(&budget_answers, &f->memory, f->out.cap);
	if (f->held && left < ROOM) {
		f->held = false;
		post(f, f->feeds->loop, feed_go_on);
	}
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* --- events -------------------------------------------------------------- */

static void feed_set_state(struct feed *f, enum feed_state state)
{
	if (feed_state(f) == FEED_OPENING || feed_state(f) == FEED_OPEN)
		atomic_store(&f->state, state);
	feed_tell(f);
}

/* Appends text for the client. A feed with too much text counts as open even if
 * not all partitions are confirmed: its consumer is held, so it would not come
 * to the others. */
static void feed_put(struct feed *f, const struct buf *text)
{
	if (text->len == 0)
		return;
	pthread_mutex_lock(&f->lock);
	buf_add(&f->out, text->data, text->len);
	budget_set(&budget_answers, &f->memory, f->out.cap);
	f->silent = 0;
	if (!f->held && f->out.len - f->taken > FULL) {
		f->held = true;
		consumer_hold(f->consumer, true);
	}
	bool full = f->held;
	pthread_mutex_unlock(&f->lock);
	if (full || feed_state(f) == FEED_OPEN)
		feed_set_state(f, FEED_OPEN);
}

static void write_id(struct feed *f, struct buf *out)
{
	int32_t n = f->feeds->o.partitions;
	struct change_place *places = mem_alloc((size_t)n * sizeof *places);
	for (int32_t p = 0; p < n; p++)
		places[p] = f->parts[p].core.place;
	buf_str(out, "id: ");
	change_id_write(out, f->epoch, places, n);
	buf_str(out, "\n");
	free(places);
	f->stale = false;
}

/* Sends a line without an event; its id counts all the same. */
static void put_idle(struct feed *f, const char *line, bool id)
{
	struct buf text = {0};
	buf_str(&text, line);
	if (id)
		write_id(f, &text);
	buf_str(&text, "\n");
	feed_put(f, &text);
	buf_free(&text);
}

static void put_last(struct feed *f, struct feed_partition *part)
{
	feed_put(f, &part->last);
	buf_free(&part->last); /* it may be large after a long event */
}

static void feed_hear_record(
    struct feed *f, struct feed_partition *part, const struct record_commit *c)
{
	bool ours =
	    f->collection ==
	    collection_find(c->id, record_collection_len(c->id, c->id_len));
	if (!change_filter_record(&part->core, c->id, c->id_len, c->version) ||
	    !ours)
		return;
	struct record_commit shown = *c;
	if (!change_event_narrow(f->collection, f->owner, &shown))
		return;
	if (c->version != part->last_version)
		put_last(f, part);
	part->last_version = c->version;
	part->newest = part->last.len;
	change_event_commit(&part->last, f->collection, &shown);
}

static enum follow_mark follow(
    struct change_filter *core, const struct record_mark *mark)
{
	if (!mark->anew)
		return change_filter_mark(
		    core, mark->from, mark->through, mark->after);
	change_filter_anew(core, mark->through, mark->after);
	return FOLLOW_MARK_JUMP;
}

static void feed_hear_mark(struct feed *f, struct feed_partition *part,
    int32_t partition, const struct record_mark *mark)
{
	enum follow_mark what = follow(&part->core, mark);
	if (what == FOLLOW_MARK_IGNORE)
		return;
	f->stale = true;
	struct buf text = {0};
	if (what == FOLLOW_MARK_JUMP)
		change_event_reset(&text, partition);
	if (part->last.len) {
		buf_add(&text, part->last.data, part->newest);
		write_id(f, &text);
		buf_drop(&part->last, part->newest);
	}
	feed_put(f, &text);
	put_last(f, part);
	buf_free(&text);
}

/* As in the tail: a commit that is not believed counts as not heard. Of a
 * malformed message, only the offset counts; the tail logs it. */
static void feed_hear(
    struct feed *f, struct feed_partition *part, const rd_kafka_message_t *m)
{
	struct commits_message c;
	commits_message_parse(m, f->feeds->o.partitions, &c);
	if (c.kind == COMMITS_NEWER) {
		feed_set_state(f, FEED_ENDED); /* its client asks elsewhere */
		return;
	}
	bool heard = c.kind == COMMITS_MALFORMED ||
		     tail_believes(f->tail, m->partition, c.through);
	if (heard)
		change_filter_hear(&part->core, m->offset);
	if (heard && c.kind == COMMITS_MARK)
		feed_hear_mark(f, part, m->partition, &c.mark);
	else if (heard && c.kind == COMMITS_RECORD)
		feed_hear_record(f, part, &c.record);
	commits_message_free(&c);
}

static void confirm(struct feed *f, struct feed_partition *part)
{
	if (part->confirmed)
		return;
	part->confirmed = true;
	if (++f->confirmed == (size_t)f->feeds->o.partitions)
		feed_set_state(f, FEED_OPEN);
}

static void feed_on_message(void *arg, rd_kafka_message_t *m)
{
	struct feed *f = arg;
	struct feed_partition *part = &f->parts[m->partition];
	feed_hear(f, part, m);
	confirm(f, part);
	rd_kafka_message_destroy(m);
}

static void feed_on_eof(void *arg, int32_t partition, int64_t at)
{
	struct feed *f = arg;
	(void)at;
	confirm(f, &f->parts[partition]);
}

static void feed_on_fault(void *arg, int32_t partition, struct err e)
{
	struct feed *f = arg;
	bool gone = consumer_is_gone(&e) && !f->parts[partition].confirmed;
	feed_set_state(f, gone ? FEED_EXPIRED : FEED_ENDED);
}

static bool feed_start_of(void *arg, size_t i, struct consumer_start *out)
{
	struct feed *f = arg;
	*out =
	    (struct consumer_start){(int32_t)i, f->parts[i].core.place.offset};
	return true;
}

static void feed_begin(void *arg)
{
	static const struct consumer_events events = {
	    .message = feed_on_message,
	    .eof = feed_on_eof,
	    .fault = feed_on_fault};
	struct feed *f = arg;
	const struct feeds_options *o = &f->feeds->o;
	const struct consumer_options c = {.loop = f->feeds->loop,
	    .kafka = o->kafka,
	    .topic = o->topic,
	    .idle = true,
	    .events = &events,
	    .arg = f};
	f->next = f->feeds->first;
	if (f->next)
		f->next->prev = f;
	f->feeds->first = f;
	struct err e = consumer_new(&c, &f->consumer);
	if (e.kind != ERR_KIND_OK) {
		log_event(EV_KAFKA_ERROR, "code=%s text=%s request=%s", e.code,
		    log_quote(e.msg), log_quote(f->request));
		feed_set_state(f, FEED_ENDED);
		return;
	}
	put_idle(f, "retry: 1000\n", true);
	consumer_assign_each(
	    f->consumer, (size_t)o->partitions, feed_start_of, f);
}

static void feed_end(void *arg)
{
	struct feed *f = arg;
	*(f->prev ? &f->prev->next : &f->feeds->first) = f->next;
	if (f->next)
		f->next->prev = f->prev;
	consumer_free(&f->consumer);
	for (int32_t p = 0; p < f->feeds->o.partitions; p++) {
		change_filter_free(&f->parts[p].core);
		buf_free(&f->parts[p].last);
	}
	feed_unref(f);
}

/* --- life ---------------------------------------------------------------- */

struct feed *feed_open(struct feeds *feeds, const struct feed_options *o)
{
	size_t n = (size_t)feeds->o.partitions;
	struct feed *f = mem_zalloc(sizeof *f + n * sizeof f->parts[0]);
	atomic_store(&f->refs, 2);
	f->feeds = feeds;
	f->collection = o->collection;
	f->request = mem_strdup(o->request);
	f->owner = o->owner ? mem_strdup(o->owner) : NULL;
	f->tail = o->tail;
	f->epoch = o->epoch;
	f->loop = o->loop;
	f->heard = o->heard;
	f->arg = o->arg;
	CHECK_OS(pthread_mutex_init(&f->lock, NULL));
	for (size_t p = 0; p < n; p++)
		change_filter_start(&f->parts[p].core, o->places[p]);
	loop_post(feeds->loop, feed_begin, f);
	return f;
}

void feed_close(struct feed **fp)
{
	struct feed *f = *fp;
	if (f == NULL)
		return;
	f->heard = NULL;
	loop_post(f->feeds->loop, feed_end, f);
	feed_unref(f);
	*fp = NULL;
}

/* If this feed believed the forged commit, too, it may have ignored commits
 * since.
 */
static void forget_forged(struct feed *f)
{
	struct buf text = {0};
	for (int32_t p = 0; p < f->feeds->o.partitions; p++) {
		if (change_filter_forget(
			&f->parts[p].core, tail_forged(f->tail, p)))
			change_event_reset(&text, p);
	}
	feed_put(f, &text);
	buf_free(&text);
}

/* Sends events that were held back, and tells an idle client that nothing
 * happened. */
static void tick(struct feed *f)
{
	if (f->consumer == NULL || feed_state(f) != FEED_OPEN)
		return;
	forget_forged(f);
	for (int32_t p = 0; p < f->feeds->o.partitions; p++)
		put_last(f, &f->parts[p]);
	f->silent += TICK;
	if (f->silent >= f->feeds->o.heartbeat)
		put_idle(f, ":\n", f->stale);
}

static void feed_on_tick(void *arg)
{
	struct feeds *feeds = arg;
	for (struct feed *f = feeds->first; f; f = f->next)
		tick(f);
	loop_timer_start(feeds->tick, TICK);
}

static void *feed_thread_main(void *arg)
{
	struct feeds *feeds = arg;
	loop_run(feeds->loop);
	return NULL;
}

struct feeds *feeds_new(const struct feeds_options *o)
{
	struct feeds *feeds = MEM_NEW(struct feeds);
	feeds->o = *o;
	feeds->loop = loop_new();
	feeds->tick = loop_timer_new(feeds->loop, feed_on_tick, feeds);
	loop_timer_start(feeds->tick, TICK);
	CHECK_OS(pthread_create(&feeds->thread, NULL, feed_thread_main, feeds));
	return feeds;
}

const struct loop *feeds_loop(const struct feeds *f)
{
	return f->loop;
}

static void feed_stop(void *arg)
{
	struct feeds *feeds = arg;
	CHECK(feeds->first == NULL);
	loop_timer_free(&feeds->tick);
	loop_stop(feeds->loop);
}

void feeds_free(struct feeds **fp)
{
	struct feeds *feeds = *fp;
	if (feeds == NULL)
		return;
	loop_post(feeds->loop, feed_stop, feeds);
	CHECK_OS(pthread_join(feeds->thread, NULL));
	loop_free(&feeds->loop);
	free(feeds);
	*fp = NULL;
}
