/* One partition of the log while it is this writer's. */
#pragma once

#include "writer/batch/batch.h"
#include "writer/core/context.h"
#include "writer/takeover/takeover.h"

#include "common/kafka/consumer.h"

struct partition;

enum partition_state {
	PARTITION_TAKING,   /* waits for the takeover */
	PARTITION_FILLING,  /* gathers writes for the next batch */
	PARTITION_APPLYING, /* a batch has its writes */
	PARTITION_BACKOFF,  /* waits for the timer, to be taken again */
};

struct partition_options {
	struct context *x;
	int32_t number;
	/* The partition must be taken again; its state is TAKING. */
	void (*retake)(void *arg, struct partition *p);
	/* It may have writes for a batch (partition_offers). */
	void (*ready)(void *arg);
	void *arg;
};

struct partition *partition_new(const struct partition_options *o);
/* The takeover is done: begins at Postgres's watermark. Takes the producers. */
void partition_start(
    struct partition *p, struct consumer *c, struct taken *taken);
/* Takes the message; may pause its partition. */
void partition_message(struct partition *p, rd_kafka_message_t *m);

/* What a partition has for the next batch. */
struct partition_offer {
	size_t rows, bytes; /* that it has gathered */
	dur_us_t wait;	    /* until a batch is due; 0: now */
	bool alone;	    /* it must not share a batch */
};
/* False: nothing. */
bool partition_offers(
    const struct partition *p, mono_us_t now, struct partition_offer *out);

/* What else a batch may take. */
struct partition_room {
	size_t rows, bytes;
	bool empty; /* the batch has nothing yet: the first write always fits */
};
/* Takes the next writes, as a slice of this partition. NULL: they do not fit.
 */
struct slice *partition_take(
    struct partition *p, const struct partition_room *room);
/* The slice is committed, and will be announced: the partition goes on behind
 * it. The slice has no owner any more. */
void partition_committed(struct partition *p, struct slice *s);
/* The slice left its batch (batch.h). Takes the slice. */
void partition_decided(
    struct partition *p, enum batch_result result, struct slice *s);

/* An announcement of this partition is over. */
void partition_announced(struct partition *p, uint64_t owner, bool delivered);
/* Postgres was at `found` some time after the partition was at `believed`. */
void partition_found(struct partition *p, version_t believed, version_t found);
/* The log cannot be read further at this offset. */
void partition_fault(struct partition *p);
/* The operators' orders may have changed: one may reject the write that holds
 * up this partition. */
void partition_ordered(struct partition *p);
/* Has nothing for a batch any more. */
void partition_drain(struct partition *p);

int32_t partition_number(const struct partition *p);
enum partition_state partition_state(const struct partition *p);
/* For people; in APPLYING, what the batch waits for. */
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
