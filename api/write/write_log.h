/* Appends to sluice.writes.
 *
 * Any thread may append; `done` is called on the loop that the caller names.
 * The producer numbers the records (common/kafka/producer.h).
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
	struct loop *loop; /* the loop that drives the producer */
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
};

struct append_request {
	struct loop *loop; /* where `done` is called */
	int32_t partition;
	/* The record; accepted_at, instance and seq are set here. */
	struct record_write write;
	append_done done;
	void *arg;
};

/* *out is owned, or NULL with an error that an operator must correct. */
struct err write_log_new(
    const struct write_log_options *o, struct write_log **out);
/* Appends a record; copies what it needs. If OK, `done` is called exactly once,
 * later, unless the append is abandoned. RETRY: the local queue is full. */
struct err write_log_append(
    struct write_log *w, const struct append_request *r, struct append **out);
/* On the loop of `done`: it is not called any more. The record may still be
 * appended. */
void write_log_abandon(struct append *a);
/* Any thread: can Kafka be reached? */
bool write_log_up(const struct write_log *w);
/* Waits at most `timeout` for records in flight; their reports are still posted
 * to the loops. */
void write_log_free(struct write_log **w, dur_us_t timeout);
