/* Announcing on sluice.commits what Postgres committed.
 *
 * One announcement is the commit records of a batch and then its mark. Where
 * anything of it was not, or perhaps not, delivered, nothing more may be
 * announced for the partition before it is taken again.
 */
#pragma once

#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/log/record.h"

struct announcer;
struct announcement;

/* The owner of what a takeover announces; a partition's own are above it. */
enum { ANNOUNCE_GAP = 0 };

/* An announcement is over. `owner` is what its begin was told. */
typedef void (*announced)(
    void *arg, int32_t partition, uint64_t owner, bool delivered);

struct announcer_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
	announced done;
	void *arg;
};

struct err announcer_new(
    const struct announcer_options *o, struct announcer **out);
/* The last offset of a partition that is known to be in the log; it only
 * grows. Reports move it, too. */
void announcer_acknowledged(
    struct announcer *a, int32_t partition, int64_t offset);

struct announcement *announce_begin(
    struct announcer *a, int32_t partition, uint64_t owner);
void announce_record(struct announcement *n, const struct record_commit *c);
/* Ends it; fills in `after`. `done` is called exactly once, later. The mark is
 * not sent when a record could not be. One that rejects more than a message
 * should hold becomes several, each of which begins where the one before
 * ends. */
enum { ANNOUNCE_REJECTIONS = 1000, ANNOUNCE_BYTES = 512 << 10 };
void announce_mark(struct announcement *n, struct record_mark *mark);
/* A mark of no writes that starts the partition anew at the watermark, for
 * ANNOUNCE_GAP. */
void announce_anew(struct announcer *a, int32_t partition, version_t at);
/* Since the last call: was something of the partition refused because it was
 * larger than a message may be? Then documents must be left out. */
bool announcer_too_large(struct announcer *a, int32_t partition);

/* Messages without a report. */
size_t announcer_outstanding(const struct announcer *a);
size_t announcer_outstanding_of(const struct announcer *a, int32_t partition);
bool announcer_reachable(const struct announcer *a);
/* Waits at most that long for reports. `done` is not called any more. */
void announcer_free(struct announcer **a, dur_us_t timeout);
