/* The thread sleeps in libcurl, from where web_wake wakes it: when the first
 * span comes into an empty queue, when there are enough for a request, and at
 * the end. Everything that it shares is guarded by `mutex`.
 */
#include "common/trace/tracer.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/net/web.h"
#include "common/trace/otlp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MOST = 512, /* spans of a request */
	ATTEMPTS = 5,
	ANSWER_MOST = 64 << 10,
};
#define TIMEOUT CLOCK_S(10)
#define LAST_WAIT CLOCK_S(1) /* at the end */
#define AFTER_MOST CLOCK_S(30)
#define FOREVER CLOCK_S(3600)

struct tracer {
	struct web *web;
	uint64_t bound;
	dur_us_t interval;
	char *service;
	char instance[24], host[256];
	pthread_t thread;
	/* The thread's own. */
	struct span *batch[MOST];
	size_t nbatch;
	unsigned attempts;
	struct backoff backoff;
	bool failing; /* the last request failed */
	pthread_mutex_t mutex;
	/* Guarded. */
	struct tracer_counters counters;
	struct span **queue; /* a ring */
	size_t head, n, most;
	bool ending, over; /* over: nothing is sent any more */
};

static void tracer_lock(struct tracer *t)
{
	CHECK_OS(pthread_mutex_lock(&t->mutex));
}

static void tracer_unlock(struct tracer *t)
{
	CHECK_OS(pthread_mutex_unlock(&t->mutex));
}

/* --- spans begin and end ------------------------------------------------- */

static bool begin_root(
    struct tracer *t, struct random *dice, struct span_start *out)
{
	if (!trace_context_chosen(t->bound, random_next(dice)))
		return false;
	uint64_t random[3];
	random_bytes(random, sizeof random);
	*out = span_root(random, clock_wall(), clock_mono());
	return true;
}

bool tracer_begin(struct tracer *t, const char *traceparent,
    struct random *dice, struct span_start *out)
{
	struct trace_context parent;
	if (t == NULL)
		return false;
	if (traceparent == NULL ||
	    !trace_context_parse(traceparent, strlen(traceparent), &parent))
		return begin_root(t, dice, out);
	if (!trace_context_is_sampled(&parent))
		return false;
	*out = tracer_child(&parent);
	return true;
}

bool tracer_follow(struct tracer *t, const char *traceparent, size_t len,
    struct span_start *out)
{
	struct trace_context parent;
	*out = (struct span_start){0};
	if (t == NULL || len == 0 ||
	    !trace_context_parse(traceparent, len, &parent) ||
	    !trace_context_is_sampled(&parent))
		return false;
	*out = tracer_child(&parent);
	return true;
}

struct span_start tracer_child(const struct trace_context *parent)
{
	return span_child(parent, random_bits(), clock_wall(), clock_mono());
}

struct span *tracer_end(
    const struct span_start *s, enum span_kind kind, const char *name)
{
	return span_end(s, kind, name, clock_mono());
}

void tracer_send(struct tracer *t, struct span *s)
{
	tracer_lock(t);
	bool full = t->n == t->most;
	if (full)
		metric_add(t->counters.dropped, 1);
	else
		t->queue[(t->head + t->n++) % t->most] = s;
	bool wake = !full && (t->n == 1 || t->n == MOST);
	tracer_unlock(t);
	if (full)
		span_free(&s);
	if (wake)
		web_wake(t->web);
}

/* --- the thread ---------------------------------------------------------- */

static bool tracer_gives_up(void *arg)
{
	struct tracer *t = arg;
	tracer_lock(t);
	bool over = t->over;
	tracer_unlock(t);
	return over;
}

static bool tracer_is_ending(struct tracer *t)
{
	tracer_lock(t);
	bool ending = t->ending;
	tracer_unlock(t);
	return ending;
}

static size_t tracer_queued(struct tracer *t)
{
	tracer_lock(t);
	size_t n = t->n;
	tracer_unlock(t);
	return n;
}

static void tracer_take_batch(struct tracer *t)
{
	tracer_lock(t);
	while (t->n && t->nbatch < MOST) {
		t->batch[t->nbatch++] = t->queue[t->head];
		t->head = (t->head + 1) % t->most;
		t->n--;
	}
	tracer_unlock(t);
}

/* The batch is over: so many of its spans were refused. */
static void drop_batch(struct tracer *t, size_t refused)
{
	tracer_lock(t);
	metric_add(t->counters.exported, (int64_t)(t->nbatch - refused));
	metric_add(t->counters.failed, (int64_t)refused);
	tracer_unlock(t);
	for (size_t i = 0; i < t->nbatch; i++)
		span_free(&t->batch[i]);
	t->nbatch = 0;
	t->attempts = 0;
}

/* Told when it begins and when it ends, not for each request. */
static void tell(struct tracer *t, const struct err *e)
{
	bool ok = e->kind == ERR_KIND_OK;
	if (ok && t->failing)
		log_event(EV_TRACES_TAKEN, "service=%s", t->service);
	else if (!ok && !t->failing)
		log_event(EV_TRACES_FAILED, "error=%s", log_quote(e->msg));
	t->failing = !ok;
}

static void tracer_taken(struct tracer *t, const struct buf *answer)
{
	struct buf why = {0};
	size_t rejected = otlp_rejected(answer, t->nbatch, &why);
	if (rejected)
		log_event(EV_TRACES_REJECTED, "spans=%zu reason=%s", rejected,
		    log_quote(why.data ? why.data : ""));
	buf_free(&why);
	backoff_reset(&t->backoff);
	drop_batch(t, rejected);
}

/* Returns how long to wait before the next request. */
static dur_us_t tracer_failed(struct tracer *t, bool again, dur_us_t after)
{
	dur_us_t wait = backoff_next(&t->backoff, random_bits());
	if (!again || ++t->attempts == ATTEMPTS)
		drop_batch(t, t->nbatch);
	if (after > wait)
		wait = after > AFTER_MOST ? AFTER_MOST : after;
	return wait;
}

static dur_us_t send_batch(struct tracer *t)
{
	const struct otlp_resource r = {
	    t->service, SLUICE_VERSION, t->instance, t->host};
	struct web_answer answer = {0};
	struct buf body = {0};
	dur_us_t wait = 0;
	otlp_request(&body, &r, t->batch, t->nbatch);
	struct err e = web_ask(t->web, &body, &answer, tracer_gives_up, t);
	enum otlp_verdict verdict = OTLP_AGAIN;
	if (e.kind == ERR_KIND_OK) {
		verdict = otlp_judge(answer.status);
		if (verdict != OTLP_TAKEN)
			e = err_make(ERR_KIND_RETRY, "traces",
			    "the answer has the status %d", answer.status);
	}
	tell(t, &e);
	if (verdict == OTLP_TAKEN)
		tracer_taken(t, &answer.body);
	else
		wait =
		    tracer_failed(t, verdict == OTLP_AGAIN, answer.retry_after);
	buf_free(&answer.body);
	buf_free(&body);
	return wait;
}

/* At the end nothing is waited for, but the answers to what is sent. */
static void wait_until(struct tracer *t, mono_us_t at, size_t enough)
{
	for (;;) {
		dur_us_t left = at - clock_mono();
		if (left <= 0 || tracer_is_ending(t) ||
		    tracer_queued(t) >= enough)
			return;
		web_sleep(t->web, left);
	}
}

static void *tracer_run(void *arg)
{
	struct tracer *t = arg;
	for (;;) {
		if (t->nbatch == 0 && tracer_queued(t) == 0) {
			if (tracer_is_ending(t))
				return NULL;
			wait_until(t, clock_mono() + FOREVER, 1);
		}
		if (t->nbatch == 0) {
			wait_until(t, clock_mono() + t->interval, MOST);
			tracer_take_batch(t);
		}
		if (t->nbatch == 0)
			continue;
		if (tracer_gives_up(t)) {
			drop_batch(t, t->nbatch);
			continue;
		}
		dur_us_t wait = send_batch(t);
		if (wait)
			wait_until(t, clock_mono() + wait, SIZE_MAX);
	}
}

/* --- life ---------------------------------------------------------------- */

const char *tracer_check_url(const char *url)
{
	bool secret;
	enum web_place place = web_url_place(url, &secret);
	if (secret)
		return "a URL without user and password (trace.header)";
	return place == WEB_NOWHERE ? "an http:// or https:// URL, such as "
				      "http://127.0.0.1:4318/v1/traces"
				    : NULL;
}

static bool is_field_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] >= 127 ||
		    strchr("\"(),/:;<=>?@[\\]{}", s[i]))
			return false;
	}
	return len > 0;
}

/* libcurl sends it as it is. */
const char *tracer_check_header(const char *header)
{
	const char *colon = strchr(header, ':');
	bool ok = colon && is_field_name(header, (size_t)(colon - header));
	for (const char *s = ok ? colon + 1 : ""; *s; s++)
		ok =
		    ok && ((unsigned char)*s >= ' ' || *s == '\t') && *s != 127;
	return ok ? NULL : "`name: value`, without control characters";
}

struct tracer *tracer_new(const struct tracer_options *o)
{
	bool secret;
	struct tracer *t = MEM_NEW(struct tracer);
	t->web = web_new(&(struct web_options){
	    .name = "traces",
	    .url = o->url,
	    .place = web_url_place(o->url, &secret),
	    .ca = o->ca,
	    .headers = {"Content-Type: application/json",
		"Expect:", *o->header ? o->header : NULL},
	    .timeout = TIMEOUT,
	    .most = ANSWER_MOST,
	});
	t->bound = trace_context_bound(o->ratio);
	t->interval = o->interval;
	t->service = mem_strdup(o->service);
	snprintf(t->instance, sizeof t->instance, "%016llx",
	    (unsigned long long)random_bits());
	if (gethostname(t->host, sizeof t->host - 1) != 0)
		strcpy(t->host, "unknown");
	t->counters = o->counters;
	t->most = o->queue;
	t->queue = mem_alloc(t->most * sizeof *t->queue);
	backoff_init(&t->backoff, CLOCK_S(1), CLOCK_S(10));
	CHECK_OS(pthread_mutex_init(&t->mutex, NULL));
	CHECK_OS(pthread_create(&t->thread, NULL, tracer_run, t));
	return t;
}

static void tracer_set(struct tracer *t, bool *flag)
{
	tracer_lock(t);
	*flag = true;
	tracer_unlock(t);
	web_wake(t->web);
}

/* False: it still runs after LAST_WAIT. */
static bool tracer_ended(struct tracer *t)
{
	wall_us_t at = clock_wall() + LAST_WAIT;
	const struct timespec until = {
	    .tv_sec = at / CLOCK_S(1), .tv_nsec = at % CLOCK_S(1) * 1000};
	return pthread_timedjoin_np(t->thread, NULL, &until) == 0;
}

void tracer_free(struct tracer **tp)
{
	struct tracer *t = *tp;
	*tp = NULL;
	if (t == NULL)
		return;
	tracer_set(t, &t->ending);
	if (!tracer_ended(t)) {
		/* The collector does not answer. */
		tracer_set(t, &t->over);
		CHECK_OS(pthread_join(t->thread, NULL));
	}
	CHECK(t->n == 0 && t->nbatch == 0);
	web_free(&t->web);
	CHECK_OS(pthread_mutex_destroy(&t->mutex));
	free(t->queue);
	free(t->service);
	free(t);
}
