/* Appends to sluice.writes.
 *
 * Any thread may append; the answer comes on the loop that asked. The records
 * are numbered by the producer (common/kafka/producer.h).
 */
#pragma once

#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/kafka/producer.h"
#include "common/log/record.h"

#include <stdint.h>

struct write_log;
struct append;

typedef void (*append_done)(void *arg, const struct delivery *d);

struct write_log_options {
	struct loop *loop; /* serves the producer */
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
};

struct append_request {
	struct loop *loop; /* where `done` is called */
	int32_t partition;
	/* What is appended; accepted_at, instance and seq are set here. */
	struct record_write write;
	const char *traceparent; /* may be NULL */
	append_done done;
	void *arg;
};

struct err write_log_new(
    const struct write_log_options *o, struct write_log **out);
/* Copies what it needs. On OK `done` is called exactly once, later, unless the
 * append is abandoned first. RETRY: the local queue is full. */
struct err write_log_append(
    struct write_log *w, const struct append_request *r, struct append **out);
/* From the loop that asked: `done` is not called any more. The write may still
 * happen. */
void write_log_abandon(struct append *a);
bool write_log_up(const struct write_log *w);
/* Waits at most `timeout` for what is in flight; reports go to the loops. */
void write_log_free(struct write_log **w, dur_us_t timeout);
