#include "projector/apply/consume.h"

#include "common/base/log.h"
#include "common/kafka/kafka.h"
#include "common/log/commits_reader.h"

#include <inttypes.h>

static void consume_malformed(struct stats *s, const rd_kafka_message_t *m)
{
	metric_add(&s->malformed, 1);
	log_event(EV_COMMIT_MALFORMED, "partition=%d offset=%" PRId64,
	    m->partition, m->offset);
}

static void consume_newer(
    struct chunk *c, struct stats *s, const rd_kafka_message_t *m)
{
	metric_add(&s->malformed, 1);
	record_log_newer(m, rd_kafka_topic_name(m->rkt), STORED_COMMITS);
	chunk_skip(c, m->offset);
	c->newer = m->offset + 1;
}

static void consume_hear_mark(struct chunk *c, struct stats *s, struct audit *a,
    const rd_kafka_message_t *m, const struct record_mark *mark)
{
	metric_add(&s->marks, 1);
	chunk_mark(c, mark, m->offset);
	if (c->due == CHUNK_START)
		audit_forget(a, m->partition);
	audit_mark(a, m->partition, c->follower.watermark);
}

static void consume_hear_record(struct chunk *c, struct stats *s,
    struct audit *a, struct tracer *t, const rd_kafka_message_t *m,
    const struct record_commit *r)
{
	struct span_start span;
	enum chunk_heard heard = chunk_record(c, r, m->offset);
	if (heard != CHUNK_IGNORED) {
		audit_record(
		    a, m->partition, r, r->version + 1 == c->follower.seen);
		if (tracer_follow(
			t, r->traceparent.s, r->traceparent.len, &span))
			chunk_trace(c, &span, m->offset);
	}
	switch (heard) {
	case CHUNK_IGNORED:
		metric_add(&s->records_ignored, 1);
		break;
	case CHUNK_SET:
		metric_add(&s->records_set, 1);
		break;
	case CHUNK_DROPPED:
		metric_add(&s->records_dropped, 1);
		break;
	}
}

/* A message that is not believed counts as not heard, as if compaction had
 * removed it. So the next mark starts the partition anew. */
void hear(struct chunk *c, struct stats *s, struct audit *a, struct tracer *t,
    const rd_kafka_message_t *m)
{
	struct commits_message in;
	commits_message_parse(m, c->partitions, &in);
	if (in.kind == COMMITS_MALFORMED) {
		consume_malformed(s, m);
		chunk_skip(c, m->offset);
	} else if (in.kind == COMMITS_NEWER) {
		consume_newer(c, s, m);
	} else if (!writes_bound_admits(
		       &c->bound, m->offset, in.through, clock_mono())) {
		consume_malformed(s, m);
	} else if (in.kind == COMMITS_MARK) {
		consume_hear_mark(c, s, a, m, &in.mark);
		metric_observe(&s->heard_seconds, kafka_message_age(m));
	} else {
		consume_hear_record(c, s, a, t, m, &in.record);
	}
	commits_message_free(&in);
}
