#include "writer/batch/batch_trace.h"

#include "writer/batch/batch_priv.h"

#include "common/trace/tracer.h"

#include <stdio.h>
#include <string.h>

static const char *traced_outcome(
    const struct verdicts *v, const struct write *w)
{
	for (size_t i = 0; i < v->nsaid; i++) {
		if (v->said[i].version == w->version)
			return v->said[i].replayed ? "replayed" : "rejected";
	}
	return "applied";
}

static void text(struct span *s, const char *name, const char *value)
{
	span_text(s, name, value, strlen(value));
}

static size_t writes_of(const struct batch *b)
{
	size_t n = 0;
	for (size_t k = 0; k < b->n; k++)
		n += b->slices[k]->n;
	return n;
}

/* `link`: the span of the batch, if that is in another trace. */
static void trace_write(const struct batch *b, size_t k, const struct write *w,
    const struct trace_context *link)
{
	char number[16];
	struct span *s = tracer_end(&w->trace, SPAN_CONSUMER, "process write");
	snprintf(number, sizeof number, "%d", b->slices[k]->partition);
	text(s, "messaging.system", "kafka");
	text(s, "messaging.operation.type", "process");
	text(s, "messaging.destination.name",
	    b->x->settings->common.writes_topic);
	text(s, "messaging.destination.partition.id", number);
	span_number(s, "messaging.kafka.offset", version_offset(w->version));
	if (w->collection)
		text(s, "sluice.collection", w->collection->name);
	text(s, "sluice.outcome", traced_outcome(plan_verdicts(b->plan, k), w));
	span_number(s, "sluice.batch.writes", (int64_t)writes_of(b));
	if (link)
		span_link(s, link);
	tracer_send(b->x->tracer, s);
}

/* The span of the transaction: a child of the first write that is traced. */
static struct span_start begin_batch(
    const struct batch *b, const struct write *first)
{
	struct span_start s = tracer_child(&first->trace.self);
	dur_us_t took = s.clock - b->since;
	s.at -= took;
	s.clock -= took;
	return s;
}

static void end_batch(const struct batch *b, const struct span_start *start)
{
	struct span *s = tracer_end(start, SPAN_CLIENT, "commit batch");
	text(s, "db.system.name", "postgresql");
	text(s, "db.operation.name", "COMMIT");
	span_number(s, "sluice.batch.writes", (int64_t)writes_of(b));
	tracer_send(b->x->tracer, s);
}

void batch_trace(const struct batch *b)
{
	struct span_start batch = {0};
	if (b->x->tracer == NULL)
		return;
	for (size_t k = 0; k < b->n; k++) {
		const struct slice *slice = b->slices[k];
		for (size_t i = 0; i < slice->n; i++) {
			const struct write *w = &slice->writes[i];
			bool first = !span_is_on(&batch);
			if (!span_is_on(&w->trace))
				continue;
			if (first)
				batch = begin_batch(b, w);
			trace_write(b, k, w, first ? NULL : &batch.self);
		}
	}
	if (span_is_on(&batch))
		end_batch(b, &batch);
}
