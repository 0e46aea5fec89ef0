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

struct writelog;
struct append;

typedef void (*append_done)(void *arg, const struct delivery *d);

struct writelog_options {
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

struct err writelog_new(
    const struct writelog_options *o, struct writelog **out);
/* Copies what it needs. On OK `done` is called exactly once, later, unless the
 * append is abandoned first. RETRY: the local queue is full. */
struct err writelog_append(
    struct writelog *w, const struct append_request *r, struct append **out);
/* From the loop that asked: `done` is not called any more. The write may still
 * happen. */
void writelog_abandon(struct append *a);
bool writelog_up(const struct writelog *w);
/* Waits at most `timeout` for what is in flight; reports go to the loops. */
void writelog_free(struct writelog **w, dur_us_t timeout);
