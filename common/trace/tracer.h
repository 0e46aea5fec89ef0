/* Sends spans to a collector: a bounded queue, and a thread that empties it.
 *
 * Nobody waits for the collector. If the queue is full, a span is dropped and
 * counted. Spans that the collector does not take are tried a few times and
 * then counted as failed.
 *
 * Everything but tracer_new and tracer_free is for any thread. A tracer of NULL
 * samples nothing: most callers need no branch of their own.
 */
#pragma once

#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/trace/span.h"

struct tracer;

/* Of the daemon's metrics (common/daemon/metrics.def); guarded by the tracer.
 */
struct tracer_counters {
	metric_t *exported, *dropped, *failed;
};
#define TRACER_COUNTERS(m)                                                     \
	((struct tracer_counters){                                             \
	    &(m)->spans_exported, &(m)->spans_dropped, &(m)->spans_failed})

/* Texts are copied. */
struct tracer_options {
	const char *service; /* the daemon's name */
	const char *url;
	const char *ca;	    /* "": the system's authorities */
	const char *header; /* `name: value` of each request; "": none */
	double ratio;	    /* of new traces that are sampled */
	size_t queue;	    /* spans */
	dur_us_t interval;  /* between two exports */
	struct tracer_counters counters;
};

/* The URL and the header were checked (tracer_check). Main thread. */
struct tracer *tracer_new(const struct tracer_options *o);
/* What is allowed, if the URL or the header is not; otherwise NULL. */
const char *tracer_check_url(const char *url);
const char *tracer_check_header(const char *header);

/* Begins a span of a request that has this traceparent (NULL: none). If the
 * request is traced already, its flag decides. Otherwise (also if the header is
 * malformed) the ratio does, by the bits of `dice`. False: not sampled. */
bool tracer_begin(struct tracer *t, const char *traceparent,
    struct random *dice, struct span_start *out);
/* Begins a child of a span of another process. False, and *out is empty: that
 * is not sampled, or `len` is 0. */
bool tracer_follow(struct tracer *t, const char *traceparent, size_t len,
    struct span_start *out);
/* Begins a child of a sampled span. */
struct span_start tracer_child(const struct trace_context *parent);
/* Ends the span, which is sent soon. The caller adds attributes before. */
struct span *tracer_end(
    const struct span_start *s, enum span_kind kind, const char *name);
/* Takes the span. */
void tracer_send(struct tracer *t, struct span *s);

/* Sends what is left, for at most a second. Everybody who sends is gone. */
void tracer_free(struct tracer **t);
