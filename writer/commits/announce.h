/* Announcing on sluice.commits what Postgres committed.
 *
 * One announcement is the commit records of a batch and then its mark. If a
 * message of it was not delivered, or perhaps not, nothing more may be
 * announced for the partition before it is taken again.
 */
#pragma once

#include "common/base/loop.h"
#include "common/base/metrics.h"
#include "common/kafka/kafka.h"
#include "common/log/record.h"

struct announcer;
struct announcement;

/* The owner of announcements of a takeover; partitions use numbers above it. */
enum { ANNOUNCE_GAP = 0 };

/* An announcement is over. `owner` is that of announce_begin. */
typedef void (*announced)(
    void *arg, int32_t partition, uint64_t owner, bool delivered);

struct announcer_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
	/* Gets the time from the begin of each announcement until Kafka has all
	 * of it. May be NULL. */
	struct metric_histogram *seconds;
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
/* Ends the announcement; fills in `after`. `done` is called exactly once,
 * later. If a record could not be sent, the mark is not sent. A mark with too
 * many verdicts for one message becomes several marks; each begins where the
 * one before ends. */
enum { ANNOUNCE_VERDICTS = 1000, ANNOUNCE_BYTES = 512 << 10 };
void announce_mark(struct announcement *n, struct record_mark *mark);
/* A mark of no writes that starts the partition anew at the watermark, for
 * ANNOUNCE_GAP. */
void announce_anew(struct announcer *a, int32_t partition, version_t at);
/* Since the last call: was a message of the partition refused because it was
 * too large? Then documents must be left out. */
bool announcer_too_large(struct announcer *a, int32_t partition);

/* Messages without a report. */
size_t announcer_outstanding(const struct announcer *a);
size_t announcer_outstanding_of(const struct announcer *a, int32_t partition);
bool announcer_reachable(const struct announcer *a);
/* Waits at most that long for reports. `done` is not called any more. */
void announcer_free(struct announcer **a, dur_us_t timeout);
