/* One partition of the log while it is this writer's. */
#pragma once

#include "writer/core/context.h"
#include "writer/takeover/takeover.h"

#include "common/kafka/consumer.h"

struct partition;

enum partition_state {
	PARTITION_TAKING,  /* waits for the takeover */
	PARTITION_FILLING, /* waits for a batch to be due */
	PARTITION_TRYING,  /* waits for the batch to be decided */
	PARTITION_BACKOFF, /* waits for the timer, to be taken again */
};

struct partition_options {
	struct context *x;
	int32_t number;
	/* The partition must be taken again; its state is TAKING. */
	void (*retake)(void *arg, struct partition *p);
	/* A batch was decided. */
	void (*settled)(void *arg);
	void *arg;
};

struct partition *partition_new(const struct partition_options *o);
/* The takeover is done: begins at Postgres's watermark. Takes the producers. */
void partition_start(
    struct partition *p, struct consumer *c, struct taken *taken);
/* Takes the message; may pause its partition. */
void partition_message(struct partition *p, rd_kafka_message_t *m);
/* An announcement of this partition is over. */
void partition_announced(struct partition *p, uint64_t owner, bool delivered);
/* Postgres was at `found` some time after the partition was at `believed`. */
void partition_found(struct partition *p, version_t believed, version_t found);
/* The log cannot be read further at this offset. */
void partition_fault(struct partition *p);
/* The operators' orders may have changed: one may reject the write that holds
 * up this partition. */
void partition_ordered(struct partition *p);
/* A connection became ready: waits no longer. Submits nothing by itself. */
void partition_hurry(struct partition *p);
/* A pause ended: batches may be due. */
void partition_resume(struct partition *p);
/* Begins no new batch, and repeats none. */
void partition_drain(struct partition *p);

int32_t partition_number(const struct partition *p);
enum partition_state partition_state(const struct partition *p);
/* For people; in TRYING, what the batch waits for. */
const char *partition_state_name(const struct partition *p);
/* The failure that still holds it up; "": none. */
const char *partition_trouble(const struct partition *p);
/* The first write of the batch that is being applied, "3-1042 (\"records/k\")";
 * "": none. Valid until the next call. */
const char *partition_first(const struct partition *p);
/* How long Postgres has not answered about its batch; 0: no answer is due. */
dur_us_t partition_unanswered(const struct partition *p);
/* A batch is not decided yet. */
bool partition_busy(const struct partition *p);
version_t partition_watermark(const struct partition *p);
/* The offset of the next message to come. */
int64_t partition_next_offset(const struct partition *p);
bool partition_paused(const struct partition *p);
/* Writes read and not committed; `oldest`: when it was accepted, or 0. */
void partition_buffered(
    const struct partition *p, size_t *rows, size_t *bytes, wall_us_t *oldest);
/* A batch that Postgres has may still be committed. */
void partition_free(struct partition **p);
