#include "projector/apply/consume.h"

#include "common/base/log.h"

#include <inttypes.h>

static void consume_malformed(struct stats *s, const rd_kafka_message_t *m)
{
	metric_add(&s->malformed, 1);
	log_event(EV_COMMIT_MALFORMED, "partition=%d offset=%" PRId64,
	    m->partition, m->offset);
}

/* A message that is not believed is not heard either, as if compaction had
 * taken it: the next mark then starts the partition anew. */
static bool consume_admits(
    struct chunk *c, const rd_kafka_message_t *m, version_t through)
{
	return writes_bound_admits(&c->bound, m->offset, through, clock_mono());
}

static void consume_hear_mark(struct chunk *c, struct stats *s, struct audit *a,
    const rd_kafka_message_t *m)
{
	struct record_mark mark;
	if (!record_mark_parse(m, &mark)) {
		consume_malformed(s, m);
		chunk_skip(c, m->offset);
		return;
	}
	if (!consume_admits(c, m, mark.through)) {
		consume_malformed(s, m);
		record_mark_free(&mark);
		return;
	}
	metric_add(&s->marks, 1);
	chunk_mark(c, &mark, m->offset);
	if (c->due == CHUNK_START)
		audit_forget(a, m->partition);
	audit_mark(a, m->partition, c->follower.watermark);
	record_mark_free(&mark);
}

void hear(struct chunk *c, struct stats *s, struct audit *a,
    const rd_kafka_message_t *m)
{
	struct record_commit r;
	if (record_is_mark(m)) {
		consume_hear_mark(c, s, a, m);
		return;
	}
	if (!record_commit_parse(m, c->partitions, &r)) {
		consume_malformed(s, m);
		chunk_skip(c, m->offset);
		return;
	}
	if (!consume_admits(c, m, r.version + 1)) {
		consume_malformed(s, m);
		return;
	}
	enum chunk_heard heard = chunk_record(c, &r, m->offset);
	if (heard != CHUNK_IGNORED)
		audit_record(
		    a, m->partition, &r, r.version + 1 == c->follower.seen);
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
