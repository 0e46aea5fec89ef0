#include "api/write/write_trace.h"

#include "api/core/request.h"
#include "api/core/settings.h"
#include "common/trace/tracer.h"

#include <stdio.h>
#include <string.h>

struct record_text write_trace_begin(const struct request *r, size_t nth,
    char text[TRACE_CONTEXT_LEN + 1], struct span_start *out)
{
	*out = (struct span_start){0};
	if (r->trace == NULL) {
		const char *said = r->traceparent;
		return (struct record_text){said, said ? strlen(said) : 0};
	}
	struct trace_context c = r->trace->self;
	if (nth < WRITE_TRACES) {
		*out = tracer_child(&c);
		c = out->self;
	} else {
		c.flags &= (uint8_t)~TRACE_SAMPLED;
	}
	trace_context_format(&c, text);
	return (struct record_text){text, TRACE_CONTEXT_LEN};
}

void write_trace_end(
    const struct request *r, struct span_start *start, const struct delivery *d)
{
	if (!span_is_on(start))
		return;
	const struct instance *i = r->thread->instance;
	const char *topic = i->settings->common.writes_topic;
	struct span *s = tracer_end(start, SPAN_PRODUCER, "send writes");
	*start = (struct span_start){0};
	span_text(s, "messaging.system", "kafka", 5);
	span_text(s, "messaging.operation.type", "send", 4);
	span_text(s, "messaging.destination.name", topic, strlen(topic));
	if (d) {
		char text[16];
		snprintf(text, sizeof text, "%d", d->partition);
		span_text(s, "messaging.destination.partition.id", text,
		    strlen(text));
	}
	if (d && d->status == DELIVERY_OK && d->offset >= 0)
		span_number(s, "messaging.kafka.offset", d->offset);
	s->failed = d == NULL || d->status != DELIVERY_OK;
	if (s->failed && d)
		span_text(s, "error.type", d->code, strlen(d->code));
	tracer_send(i->tracer, s);
}
