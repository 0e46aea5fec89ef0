#include "writer/batch/scheduler.h"

#include "writer/batch/batch.h"
#include "writer/batch/batch_policy.h"
#include "writer/core/crashpoint.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A batch that has no answer for so long does not hold up the other partitions.
 * It waits for a lock, or for a slow disk. */
#define SLOW CLOCK_MS(50)

struct scheduler {
	struct context *x;
	struct partition *const *parts;
	size_t n;
	size_t turn; /* the partition that comes first, so that each does */
	struct batch **flying;
	size_t nflying, cap;
	struct loop_timer *timer;
	bool soon;	 /* the timer is set to this moment */
	bool last_alone; /* the batch that began last was alone */
	size_t before;	 /* writes of the last one that was not */
	mono_us_t since; /* when writes were first seen for the next; 0: none */
	dur_us_t wait;	 /* until it must look again; INT64_MAX: until a kick */
	bool draining;
	void (*settled)(void *arg);
	void *arg;
};

static struct partition *by_turn(const struct scheduler *s, size_t i)
{
	return s->parts[(s->turn + i) % s->n];
}

/* --- batches begin and end ----------------------------------------------- */

/* What was committed may be what others wait for. */
static void hurry_those_that_expect(struct scheduler *s)
{
	for (size_t i = 0; i < s->nflying; i++) {
		if (batch_expects(s->flying[i]))
			batch_hurry(s->flying[i]);
	}
}

static void on_committed(void *arg, struct slice *const *slices, size_t n);

static void on_left(void *arg, enum batch_result result, struct slice *slice)
{
	struct scheduler *s = arg;
	if (result == BATCH_RECOVERED)
		hurry_those_that_expect(s);
	partition_decided(slice->owner, result, slice);
}

static void on_waits(void *arg)
{
	scheduler_kick(arg);
}

static void on_over(void *arg, struct batch *b)
{
	struct scheduler *s = arg;
	size_t i = 0;
	while (s->flying[i] != b)
		i++;
	s->flying[i] = s->flying[--s->nflying];
	batch_free(&b);
	scheduler_kick(s);
	s->settled(s->arg);
}

static int by_partition(const void *a, const void *b)
{
	const struct slice *x = *(struct slice *const *)a;
	const struct slice *y = *(struct slice *const *)b;
	return x->partition < y->partition ? -1 : x->partition > y->partition;
}

static void begin(struct scheduler *s, struct slice **slices, size_t n)
{
	static const struct batch_events events = {
	    on_committed, on_left, on_waits, on_over};
	struct batch_policy reads;
	batch_policy_init(&reads, (size_t)s->x->settings->batch_rows,
	    (size_t)s->x->settings->batch_bytes, 0);
	for (size_t i = 0; i < n; i++)
		slices[i]->most = batch_policy_reads(&reads) / n;
	qsort(slices, n, sizeof *slices, by_partition);
	struct batch *b = batch_new(s->x, slices, n, &events, s);
	s->last_alone = batch_alone(b);
	MEM_GROW(s->flying, s->cap, s->nflying + 1);
	s->flying[s->nflying++] = b;
	s->turn = (s->turn + 1) % s->n;
	crashpoint(CRASH_BATCH_BEGIN);
	batch_begin(b);
}

/* --- which writes, and when ---------------------------------------------- */

/* Batches that wait for Postgres. */
struct lanes {
	size_t together, alone;
	bool stuck;	   /* some are */
	dur_us_t quickest; /* of those that are together: since it was sent */
};

static struct lanes count_lanes(const struct scheduler *s)
{
	struct lanes l = {.quickest = INT64_MAX};
	for (size_t i = 0; i < s->nflying; i++) {
		const struct batch *b = s->flying[i];
		if (!batch_asks(b))
			continue;
		if (batch_is_stuck(b)) {
			l.stuck = true;
		} else if (batch_alone(b)) {
			l.alone++;
		} else {
			dur_us_t age = batch_unanswered(b);
			l.together++;
			l.quickest = age < l.quickest ? age : l.quickest;
		}
	}
	return l;
}

/* Is no connection free? Those that are stuck share the last ones. */
static bool is_full(const struct scheduler *s, const struct lanes *l)
{
	size_t n = (size_t)s->x->settings->connections;
	return l->together + l->alone + l->stuck >= n;
}

/* What the partitions that share batches have. */
struct gathered {
	size_t rows, bytes;
	dur_us_t wait; /* until a batch is due; INT64_MAX: there is nothing */
};

static struct gathered gather(const struct scheduler *s, mono_us_t now)
{
	struct gathered g = {.wait = INT64_MAX};
	for (size_t i = 0; i < s->n; i++) {
		struct partition_offer o;
		if (s->parts[i] == NULL ||
		    !partition_offers(s->parts[i], now, &o) || o.alone)
			continue;
		g.rows += o.rows;
		g.bytes += o.bytes;
		g.wait = o.wait < g.wait ? o.wait : g.wait;
	}
	return g;
}

static void scheduler_wait(struct scheduler *s, dur_us_t wait)
{
	s->wait = wait < s->wait ? wait : s->wait;
}

static bool is_whole(const struct scheduler *s, const struct gathered *g)
{
	const struct writer_settings *set = s->x->settings;
	return g->rows >= (size_t)set->batch_rows ||
	       g->bytes >= (size_t)set->batch_bytes;
}

/* How long until the next batch of several partitions may begin. */
static dur_us_t time_to_begin(
    const struct scheduler *s, const struct lanes *l, const struct gathered *g)
{
	if (is_full(s, l))
		return INT64_MAX; /* one of the events comes back */
	if (l->together == 0 || g->wait == INT64_MAX)
		return g->wait;
	dur_us_t left = is_whole(s, g) ? 0 : SLOW - l->quickest;
	return left > g->wait ? left : g->wait;
}

/* The same, and other writes may be on their way: lets them gather. */
static dur_us_t time_to_gather(
    const struct scheduler *s, const struct gathered *g, mono_us_t now)
{
	dur_us_t most = s->x->settings->batch_gather;
	return is_whole(s, g)
		   ? 0
		   : batch_policy_gather(most, s->before) - (now - s->since);
}

static void begin_together(struct scheduler *s, mono_us_t now)
{
	struct slice **slices = mem_alloc((s->n + 1) * sizeof *slices);
	struct partition_room room = {(size_t)s->x->settings->batch_rows,
	    (size_t)s->x->settings->batch_bytes, true};
	size_t n = 0, writes = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct partition *p = by_turn(s, i);
		struct partition_offer o;
		if (p == NULL || !partition_offers(p, now, &o) || o.alone)
			continue;
		struct slice *slice = partition_take(p, &room);
		if (slice == NULL)
			continue;
		slices[n++] = slice;
		writes += slice->n;
		room = (struct partition_room){
		    room.rows > slice->rows ? room.rows - slice->rows : 0,
		    room.bytes > slice->bytes ? room.bytes - slice->bytes : 0,
		    false};
	}
	CHECK(n > 0);
	s->before = writes;
	s->since = 0;
	begin(s, slices, n);
	free(slices);
}

static void together(struct scheduler *s, mono_us_t now)
{
	for (;;) {
		const struct lanes l = count_lanes(s);
		const struct gathered g = gather(s, now);
		if (s->since == 0 && g.wait != INT64_MAX)
			s->since = now;
		dur_us_t wait = time_to_begin(s, &l, &g);
		if (wait <= 0)
			wait = time_to_gather(s, &g, now);
		if (wait > 0) {
			scheduler_wait(s, wait);
			return;
		}
		begin_together(s, now);
	}
}

static void alone(struct scheduler *s, mono_us_t now)
{
	size_t first = s->turn; /* each batch moves it on */
	for (size_t i = 0; i < s->n; i++) {
		const struct lanes l = count_lanes(s);
		struct partition *p = s->parts[(first + i) % s->n];
		struct partition_offer o;
		if (is_full(s, &l))
			return;
		if (p == NULL || !partition_offers(p, now, &o) || !o.alone)
			continue;
		if (o.wait > 0) {
			scheduler_wait(s, o.wait);
			continue;
		}
		const struct partition_room room = {SIZE_MAX, SIZE_MAX, true};
		struct slice *slice = partition_take(p, &room);
		begin(s, &slice, 1);
	}
}

static void begin_all(struct scheduler *s)
{
	if (s->draining || s->x->paused)
		return;
	mono_us_t now = clock_mono();
	s->wait = INT64_MAX;
	/* In turn, so that neither takes every connection that becomes free. */
	bool together_first = s->last_alone;
	if (together_first)
		together(s, now);
	alone(s, now);
	if (!together_first)
		together(s, now);
	if (s->wait != INT64_MAX && !s->soon)
		loop_timer_start(s->timer, s->wait);
}

/* In the next turn of the loop, batches take all that came in this one. If
 * there are enough writes already, Postgres does not wait for them. */
static void on_committed(void *arg, struct slice *const *slices, size_t n)
{
	struct scheduler *s = arg;
	for (size_t i = 0; i < n; i++) {
		if (slices[i]->owner)
			partition_committed(slices[i]->owner, slices[i]);
	}
	hurry_those_that_expect(s);
	const struct gathered g = gather(s, clock_mono());
	if (is_whole(s, &g))
		begin_all(s);
	else
		scheduler_kick(s);
}

static void scheduler_on_timer(void *arg)
{
	struct scheduler *s = arg;
	s->soon = false;
	begin_all(s);
}

/* --- interface ----------------------------------------------------------- */

struct scheduler *scheduler_new(struct context *x,
    struct partition *const *parts, size_t n, void (*settled)(void *arg),
    void *arg)
{
	struct scheduler *s = MEM_NEW(struct scheduler);
	CHECK(n > 0);
	*s = (struct scheduler){
	    .x = x, .parts = parts, .n = n, .settled = settled, .arg = arg};
	s->timer = loop_timer_new(x->loop, scheduler_on_timer, s);
	return s;
}

void scheduler_kick(struct scheduler *s)
{
	if (s->soon)
		return;
	s->soon = true;
	loop_timer_start(s->timer, 0);
}

void scheduler_hurry(struct scheduler *s)
{
	for (size_t i = 0; i < s->nflying; i++)
		batch_hurry(s->flying[i]);
}

void scheduler_drain(struct scheduler *s)
{
	s->draining = true;
	for (size_t i = 0; i < s->nflying; i++)
		batch_drain(s->flying[i]);
}

void scheduler_free(struct scheduler **sp)
{
	struct scheduler *s = *sp;
	if (s == NULL)
		return;
	CHECK(s->nflying == 0);
	loop_timer_free(&s->timer);
	free(s->flying);
	free(s);
	*sp = NULL;
}
