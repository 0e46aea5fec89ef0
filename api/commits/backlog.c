#include "api/commits/backlog.h"

#include "api/commits/epoch.h"
#include "api/commits/tail.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/kafka/writes_query.h"
#include "common/log/version.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	PERIOD_US = 1000000,
	PERIOD_AT_START_US = 100000, /* so as to be ready early */
	STALE_US = 5000000,	     /* an older answer does not count */
	RATE_POINTS = 5, /* seconds over which the rate is measured */
	/* More than the writes of one partition between two answers. An offset
	 * further past the last end does not exist, so no newer answer is
	 * needed. */
	POSITION_SLACK = 1000000,
};

/* The groups that are asked for. */
enum { WRITERS, PROJECTORS };

struct point {
	mono_us_t at;
	int64_t decided;
};

/* How long a partition has had waiting writes and no commit. */
struct stall {
	version_t through;
	mono_us_t since; /* 0: no writes wait */
};

struct backlog {
	struct instance *instance;
	struct writes_query *writes_query;
	_Atomic int64_t *acked; /* per partition: one past our last write */
	mono_us_t asked_at, answered_at;
	struct writes_head *writes_head;
	bool asks_head; /* the heads are asked for, too */
	struct loop_timer *timer;
	int64_t *known_ends;  /* under lock: those of the last answer */
	mono_us_t ends_as_of; /* under lock: when it was asked for */
	struct stall *stalls; /* one per partition */
	struct point points[RATE_POINTS];
	unsigned next_point;
	pthread_mutex_t lock;
	struct backlog_report report; /* under lock */
};

/* --- the log -------------------------------------------------------------- */

static int64_t backlog_sum(const struct backlog *p, const int64_t *ends)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < p->instance->partitions; i++) {
		int64_t waiting = ends[i] - version_offset(tail_through(
						p->instance->tail, i));
		sum += waiting > 0 ? waiting : 0;
	}
	return sum;
}

static int64_t decided(const struct backlog *p)
{
	int64_t sum = 0;
	for (int32_t i = 0; i < p->instance->partitions; i++)
		sum += version_offset(tail_through(p->instance->tail, i));
	return sum;
}

static double backlog_rate(struct backlog *p, int64_t now_decided)
{
	struct point now = {clock_mono(), now_decided};
	struct point old = p->points[p->next_point % RATE_POINTS];
	p->points[p->next_point++ % RATE_POINTS] = now;
	if (old.at == 0 || now.at <= old.at)
		return 0;
	return (double)(now.decided - old.decided) * 1e6 /
	       (double)(now.at - old.at);
}

/* While the tail does not hear commits, nothing is known about stalls. */
static void look_for_stalls(
    struct backlog *p, const int64_t *ends, struct backlog_report *out)
{
	mono_us_t now = clock_mono();
	bool hears =
	    tail_up(p->instance->tail) && tail_started(p->instance->tail);
	out->stalled = -1;
	out->stalled_for = 0;
	for (int32_t i = 0; i < p->instance->partitions; i++) {
		struct stall *s = &p->stalls[i];
		version_t through = tail_through(p->instance->tail, i);
		int64_t waiting = ends[i] - version_offset(through);
		if (!hears || waiting <= 0 || through != s->through)
			s->since = 0;
		s->through = through;
		if (hears && waiting > 0 && s->since == 0)
			s->since = now;
		if (s->since == 0 ||
		    (out->stalled >= 0 && now - s->since <= out->stalled_for))
			continue;
		out->stalled = i;
		out->stalled_for = now - s->since;
		out->stalled_writes = waiting;
	}
	metric_set(&p->instance->metrics[0].stalled_for, out->stalled_for);
	metric_set(&p->instance->metrics[0].stalled, out->stalled);
}

static void backlog_on_answer(
    void *arg, const struct writes_query_answer *answer)
{
	struct backlog *p = arg;
	p->answered_at = clock_mono();
	int64_t n = decided(p);
	double per_s = backlog_rate(p, n);
	/* Whether writes wait for a writer is as important as how many. */
	bool known = answer->known && answer->members[WRITERS] >= 0;
	pthread_mutex_lock(&p->lock);
	p->report.known = known;
	p->report.decided = n;
	p->report.decided_per_s = per_s;
	p->report.writers = answer->members[WRITERS];
	p->report.projectors = answer->members[PROJECTORS];
	if (known) {
		memcpy(p->known_ends, answer->ends,
		    (size_t)p->instance->partitions * sizeof *p->known_ends);
		p->ends_as_of = p->asked_at;
		look_for_stalls(p, answer->ends, &p->report);
		p->report.backlog = backlog_sum(p, answer->ends);
		p->report.writer_active = answer->members[WRITERS] > 0;
		metric_set(&p->instance->metrics[0].backlog, p->report.backlog);
	}
	pthread_mutex_unlock(&p->lock);
	if (p->asks_head &&
	    !(known && writes_head_ask(p->writes_head, answer->ends)))
		tail_heads(p->instance->tail, NULL);
}

static void backlog_on_heads(void *arg, const struct writes_head_answer *answer)
{
	struct backlog *p = arg;
	tail_heads(p->instance->tail, answer);
}

int64_t backlog_end(struct backlog *p, int32_t partition)
{
	pthread_mutex_lock(&p->lock);
	int64_t end = p->report.known ? p->known_ends[partition] : -1;
	pthread_mutex_unlock(&p->lock);
	return end;
}

void backlog_acked(struct backlog *p, int32_t partition, int64_t offset)
{
	_Atomic int64_t *at = &p->acked[partition];
	int64_t end = atomic_load(at);
	while (offset + 1 > end &&
	       !atomic_compare_exchange_weak(at, &end, offset + 1))
		;
}

enum backlog_place backlog_place(
    struct backlog *p, struct position position, mono_us_t since)
{
	int64_t offset = version_offset(position.version);
	if (offset < atomic_load(&p->acked[position.partition]))
		return BACKLOG_THERE;
	pthread_mutex_lock(&p->lock);
	bool known = p->report.known, fresh = p->ends_as_of >= since;
	int64_t end = p->known_ends[position.partition];
	pthread_mutex_unlock(&p->lock);
	if (!known)
		return BACKLOG_UNKNOWN;
	if (offset < end)
		return BACKLOG_THERE;
	return fresh || offset - end >= POSITION_SLACK ? BACKLOG_NOWHERE
						       : BACKLOG_LATER;
}

static void backlog_ask_log(struct backlog *p)
{
	mono_us_t now = clock_mono();
	if (writes_query_ask(p->writes_query)) {
		/* The answer comes later, on this loop. */
		p->asked_at = now;
		p->asks_head = !writes_head_is_busy(p->writes_head);
		if (p->asks_head)
			tail_asks(p->instance->tail);
		return;
	}
	if (now - p->answered_at < STALE_US)
		return;
	tail_heads(p->instance->tail, NULL);
	pthread_mutex_lock(&p->lock);
	p->report.known = false;
	p->report.writers = p->report.projectors = -1;
	pthread_mutex_unlock(&p->lock);
}

static void backlog_on_timer(void *arg)
{
	struct backlog *p = arg;
	backlog_ask_log(p);
	loop_timer_start(p->timer,
	    tail_compared(p->instance->tail) ? PERIOD_US : PERIOD_AT_START_US);
}

/* --- life ---------------------------------------------------------------- */

struct err backlog_new(struct instance *instance, struct backlog **out)
{
	struct backlog *p = MEM_NEW(struct backlog);
	p->instance = instance;
	p->report.writers = p->report.projectors = -1;
	const struct writes_query_options ask = {
	    .loop = instance->loop,
	    .kafka = instance->kafka,
	    .topic = instance->settings->common.writes_topic,
	    .groups = {[WRITERS] = instance->settings->writer_group,
		[PROJECTORS] = instance->settings->projector_group},
	    .partitions = instance->partitions,
	    .done = backlog_on_answer,
	    .arg = p,
	};
	struct err e = writes_query_new(&ask, &p->writes_query);
	*out = NULL;
	if (e.kind != ERR_KIND_OK) {
		free(p);
		return e;
	}
	p->known_ends =
	    mem_zalloc((size_t)instance->partitions * sizeof *p->known_ends);
	p->acked = mem_zalloc((size_t)instance->partitions * sizeof *p->acked);
	p->stalls =
	    mem_zalloc((size_t)instance->partitions * sizeof *p->stalls);
	p->report.stalled = -1;
	p->writes_head = writes_head_new(epoch_pg(instance->epoch),
	    instance->partitions, backlog_on_heads, p);
	CHECK_OS(pthread_mutex_init(&p->lock, NULL));
	p->timer = loop_timer_new(instance->loop, backlog_on_timer, p);
	loop_timer_start(p->timer, CLOCK_MS(100));
	*out = p;
	return ERR_OK;
}

struct backlog_report backlog_get(struct backlog *p)
{
	pthread_mutex_lock(&p->lock);
	struct backlog_report report = p->report;
	pthread_mutex_unlock(&p->lock);
	return report;
}

void backlog_free(struct backlog **pp)
{
	struct backlog *p = *pp;
	if (p == NULL)
		return;
	writes_query_free(&p->writes_query);
	writes_head_free(&p->writes_head);
	loop_timer_free(&p->timer);
	pthread_mutex_destroy(&p->lock);
	free(p->known_ends);
	free(p->acked);
	free(p->stalls);
	free(p);
	*pp = NULL;
}
