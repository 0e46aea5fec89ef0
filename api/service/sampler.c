#include "api/service/sampler.h"

#include "api/commits/backlog.h"
#include "api/commits/stores.h"
#include "api/commits/tail.h"
#include "api/core/answer.h"
#include "api/core/offer.h"
#include "api/core/settings.h"
#include "api/service/history.h"
#include "common/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 15 };

struct sampler {
	struct instance *instance;
	struct loop_timer *timer;
	struct history *history;
	wall_us_t started;
	void (*refresh)(void *arg);
	void *arg;
};

/* --- sampling ------------------------------------------------------------ */

static void set_log(struct history_log *log, struct instance *instance)
{
	const struct backlog_report probe = backlog_get(instance->backlog);
	const struct stores_report stores = stores_get(instance->stores);
	bool known = probe.known;
	metric_set(&log->decided, known ? probe.decided : -1);
	metric_set(&log->rejected, tail_rejected(instance->tail));
	metric_set(&log->backlog, known ? probe.backlog : -1);
	metric_set(
	    &log->stalled_s, known ? probe.stalled_for / CLOCK_S(1) : -1);
	metric_set(&log->redis_behind, stores.redis.behind);
	metric_set(&log->replica_behind, stores.replica.behind);
	metric_set(&log->redis_lag_s, stores_seconds(stores.redis));
	metric_set(&log->replica_lag_s, stores_seconds(stores.replica));
	metric_set(&log->apis, stores.apis);
	metric_set(&log->writers, probe.writers);
	metric_set(&log->projectors, probe.projectors);
}

static void sampler_on_timer(void *arg)
{
	struct sampler *s = arg;
	struct instance *instance = s->instance;
	struct history_totals *totals = MEM_NEW(struct history_totals);
	s->refresh(s->arg);
	for (size_t i = 0; i <= instance->nthreads; i++)
		history_sum(&totals->metrics, &instance->metrics[i]);
	set_log(&totals->log, instance);
	history_add(s->history, totals, clock_wall(), clock_mono());
	free(totals);
	loop_timer_start(s->timer, CLOCK_S(HISTORY_STEP_S));
}

struct sampler *sampler_new(
    struct instance *instance, void (*refresh)(void *arg), void *arg)
{
	struct sampler *s = MEM_NEW(struct sampler);
	s->instance = instance;
	s->history = history_new();
	s->started = clock_wall();
	s->refresh = refresh;
	s->arg = arg;
	s->timer = loop_timer_new(instance->loop, sampler_on_timer, s);
	sampler_on_timer(s);
	return s;
}

void sampler_free(struct sampler **s)
{
	if (*s == NULL)
		return;
	loop_timer_free(&(*s)->timer);
	history_free(&(*s)->history);
	free(*s);
	*s = NULL;
}

/* --- GET /stats/history -------------------------------------------------- */

struct asked {
	wall_us_t after;
	bool wrong;
};

static bool take_after(
    void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	struct asked *asked = arg;
	if (name_len != strlen("after") || memcmp(name, "after", name_len) != 0)
		return true;
	bool number = value && len > 0 && len <= MOST_DIGITS &&
		      strspn(value, "0123456789") == len;
	asked->wrong = !number;
	asked->after = number ? strtoll(value, NULL, 10) * 1000 : 0;
	return number;
}

enum step_result sampler_history(struct request *r)
{
	const struct instance *instance = r->thread->instance;
	struct asked asked = {0};
	struct buf body = {0};
	offer_each(r, take_after, &asked);
	if (asked.wrong)
		return offer_refuse(r, PROBLEM_INVALID_FILTER, "after",
		    "after is a time in milliseconds since 1970: one of the "
		    "member times.");
	buf_printf(&body,
	    "{\"step\":%d,\"now\":%" PRId64 ",\"started\":%" PRId64
	    ",\"threads\":%zu,",
	    HISTORY_STEP_S, clock_wall() / 1000,
	    instance->sampler->started / 1000, instance->nthreads);
	history_write(instance->sampler->history, asked.after, &body);
	buf_str(&body, "}\n");
	return answer_json(r, 200, &body);
}
