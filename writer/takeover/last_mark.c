/* Reads the tail of each partition to its end. It reads a longer tail if there
 * was no mark in it, or if outcomes above the watermark were announced and it
 * does not have all their marks.
 *
 * The newest mark is the one with the highest `through` or `told`, not the last
 * one in the log, because a stalled writer may have announced last. A mark
 * above the end of the log of writes was not written by a writer, and is
 * ignored. If a genuine mark is ignored, a gap is announced a second time,
 * which is safe.
 */
#include "writer/takeover/last_mark.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/kafka/consumer.h"
#include "common/log/commits_reader.h"
#include "common/log/scan_back.h"

#include <stdlib.h>

#define AGAIN CLOCK_S(1)

struct tail {
	version_t watermark;
	version_t end; /* no mark is above it */
	struct commits_reader reader;
	bool ended; /* read to the end, this far */
	bool whole; /* and that was all there is */
};

struct last_mark {
	const char *topic;
	struct consumer *consumer;
	struct loop_timer *timer; /* assigns again, after a fault */
	struct last_mark_end *ends;
	struct tail *tails;
	size_t n; /* 0: idle */
	last_mark_done done;
	void *arg;
};

static bool last_mark_is_enough(
    const struct last_mark_end *end, const struct tail *tail)
{
	return end->found && (end->through <= tail->watermark ||
				 announced_covers(end->told, end->through));
}

static bool is_final(const struct last_mark *m, size_t i)
{
	const struct tail *tail = &m->tails[i];
	return tail->ended && (tail->whole || m->ends[i].newer > 0 ||
				  last_mark_is_enough(&m->ends[i], tail));
}

/* Reads the partition from `reach` on. */
static void last_mark_begin(struct last_mark *m, size_t i, int reach)
{
	struct tail *tail = &m->tails[i];
	commits_reader_search(&tail->reader, reach);
	tail->ended = tail->whole = false;
	announced_free(&m->ends[i].told);
	m->ends[i].told = announced_new(tail->watermark);
}

static bool last_mark_start_of(void *arg, size_t i, struct consumer_start *out)
{
	struct last_mark *m = arg;
	if (is_final(m, i))
		return false;
	*out = (struct consumer_start){
	    m->ends[i].partition, m->tails[i].reader.next};
	commits_reader_assigned(&m->tails[i].reader);
	return true;
}

static void last_mark_assign(struct last_mark *m)
{
	consumer_assign_each(m->consumer, m->n, last_mark_start_of, m);
}

static void last_mark_on_timer(void *arg)
{
	last_mark_assign(arg);
}

static size_t last_mark_index_of(const struct last_mark *m, int32_t partition)
{
	size_t i = 0;
	while (i < m->n && m->ends[i].partition != partition)
		i++;
	return i;
}

static void free_ends(struct last_mark_end *ends, size_t n)
{
	for (size_t i = 0; ends && i < n; i++)
		announced_free(&ends[i].told);
	free(ends);
}

static void last_mark_finish(struct last_mark *m)
{
	struct last_mark_end *ends = m->ends;
	size_t n = m->n;
	m->ends = NULL;
	last_mark_stop(m);
	m->done(m->arg, ends, n);
	free_ends(ends, n);
}

static void reach_to(struct last_mark_end *end, version_t through)
{
	if (through > end->through)
		end->through = through;
}

static void last_mark_hear_mark(
    struct last_mark *m, size_t i, const rd_kafka_message_t *msg)
{
	struct last_mark_end *end = &m->ends[i];
	struct record_mark mark;
	if (!record_is_known(msg, STORED_COMMITS) ||
	    !record_mark_parse(msg, &mark))
		return;
	if (mark.after + 1 >= end->newer)
		end->newer = 0;
	if (mark.through > m->tails[i].end || mark.told > m->tails[i].end) {
		end->beyond = msg->offset;
	} else {
		reach_to(end, mark.through);
		reach_to(end, mark.told);
		end->found = true;
		announced_mark(end->told, &mark);
	}
	record_mark_free(&mark);
}

/* It may be the mark that is searched for. */
static void last_mark_newer(
    struct last_mark *m, size_t i, const rd_kafka_message_t *msg)
{
	record_log_newer(msg, m->topic, STORED_COMMITS);
	m->ends[i].newer = msg->offset + 1;
}

static void last_mark_on_message(void *arg, rd_kafka_message_t *msg)
{
	struct last_mark *m = arg;
	size_t i = last_mark_index_of(m, msg->partition);
	if (i < m->n &&
	    commits_reader_takes(&m->tails[i].reader, msg->offset)) {
		struct last_mark_end *end = &m->ends[i];
		if (msg->offset > end->last)
			end->last = msg->offset;
		if (record_is_newer(msg, STORED_COMMITS))
			last_mark_newer(m, i, msg);
		else if (record_is_mark(msg))
			last_mark_hear_mark(m, i, msg);
	}
	rd_kafka_message_destroy(msg);
}

static void last_mark_on_eof(void *arg, int32_t partition, int64_t offset)
{
	struct last_mark *m = arg;
	size_t at = last_mark_index_of(m, partition);
	if (at == m->n)
		return;
	m->tails[at].ended = true;
	m->tails[at].whole =
	    commits_reader_is_whole(&m->tails[at].reader, offset);
	bool all_final = true;
	for (size_t i = 0; i < m->n; i++) {
		if (!m->tails[i].ended)
			return;
		all_final = all_final && is_final(m, i);
	}
	if (all_final) {
		last_mark_finish(m);
		return;
	}
	for (size_t i = 0; i < m->n; i++) {
		if (!is_final(m, i))
			last_mark_begin(m, i, m->tails[i].reader.reach + 1);
	}
	last_mark_assign(m);
}

/* The start offset is not in the log, or the broker reported an error. Reads
 * from the beginning, which always exists. */
static void last_mark_on_fault(void *arg, int32_t partition, struct err e)
{
	(void)e;
	struct last_mark *m = arg;
	size_t i = last_mark_index_of(m, partition);
	if (i == m->n)
		return;
	last_mark_begin(m, i, SCAN_BACK_WHOLE);
	loop_timer_start(m->timer, AGAIN);
}

struct err last_mark_new(
    struct context *x, last_mark_done done, void *arg, struct last_mark **out)
{
	static const struct consumer_events events = {
	    .message = last_mark_on_message,
	    .eof = last_mark_on_eof,
	    .fault = last_mark_on_fault,
	};
	struct last_mark *m = MEM_NEW(struct last_mark);
	m->done = done;
	m->arg = arg;
	m->topic = x->settings->common.commits_topic;
	m->timer = loop_timer_new(x->loop, last_mark_on_timer, m);
	const struct consumer_options o = {
	    .loop = x->loop,
	    .kafka = &x->kafka,
	    .topic = m->topic,
	    .events = &events,
	    .arg = m,
	};
	struct err e = consumer_new(&o, &m->consumer);
	*out = m;
	if (e.kind != ERR_KIND_OK)
		last_mark_free(out);
	return e;
}

void last_mark_find(
    struct last_mark *m, const struct last_mark_of *of, size_t n)
{
	CHECK(m->n == 0 && n > 0);
	m->n = n;
	m->ends = mem_zalloc(n * sizeof *m->ends);
	m->tails = mem_zalloc(n * sizeof *m->tails);
	for (size_t i = 0; i < n; i++) {
		m->ends[i] = (struct last_mark_end){
		    .partition = of[i].partition, .last = -1, .beyond = -1};
		m->tails[i].watermark = of[i].watermark;
		m->tails[i].end = of[i].end;
		last_mark_begin(m, i, SCAN_BACK_FIRST);
	}
	last_mark_assign(m);
}

void last_mark_stop(struct last_mark *m)
{
	if (m->n)
		consumer_assign(m->consumer, NULL, 0);
	loop_timer_stop(m->timer);
	free_ends(m->ends, m->n);
	free(m->tails);
	m->ends = NULL;
	m->tails = NULL;
	m->n = 0;
}

void last_mark_free(struct last_mark **mp)
{
	struct last_mark *m = *mp;
	if (m == NULL)
		return;
	if (m->consumer)
		last_mark_stop(m);
	consumer_free(&m->consumer);
	loop_timer_free(&m->timer);
	free(m);
	*mp = NULL;
}
