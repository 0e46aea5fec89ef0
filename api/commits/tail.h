/* The tail: follows the commits for this instance.
 *
 * It reads all partitions of sluice.commits (common/log/follower.h) on the main
 * loop. For each record it raises a floor and ends the key's L1 entry. At each
 * mark it moves the watermark and informs the workers. It starts near the end
 * of the log: it finds the last mark by reading further and further back. Until
 * then, the partition's floors are closed.
 *
 * Programs other than Sluice may write to sluice.commits. A version or a mark
 * above the head of the log cannot be Sluice's (common/log/writes_bound.h). If
 * the tail has believed one, the partition is started anew, as after a restart.
 */
#pragma once

#include "api/cache/floors.h"
#include "api/cache/l1.h"
#include "api/commits/change_id.h"
#include "api/commits/outcomes.h"
#include "api/core/metrics.h"
#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/sql/writes_head.h"

#include <stdbool.h>

struct collection;
struct tail;

struct tail_options {
	struct loop *loop;
	const struct kafka_config *kafka;
	const char *topic;
	int32_t partitions;
	dur_us_t l1_ttl; /* of a refreshed entry */
	struct floors *floors;
	struct outcomes *outcomes;
	struct l1 *l1;
	struct api_metrics *metrics;
	_Atomic uint64_t *purges; /* that of struct instance */
	struct tracer *tracer;	  /* may be NULL */
	/* Called when the watermark of a partition moved. */
	void (*moved)(void *arg, int32_t partition);
	void *arg;
};

/* On the main loop. *out is owned, or NULL with an error that an operator must
 * correct. */
struct err tail_new(const struct tail_options *o, struct tail **out);
/* Any thread: the watermark, 0 while the partition is closed. */
version_t tail_through(const struct tail *t, int32_t partition);
/* Any thread: the offset in sluice.commits from which a consumer with the
 * tail's state continues, and its watermark. The tail must have started. */
struct change_place tail_place(const struct tail *t, int32_t partition);
/* To be called when the heads of the log are being asked for. */
void tail_asks(struct tail *t);
/* The answer to the last question; NULL: there is none. Starts a partition anew
 * that is ahead of the log. */
void tail_heads(struct tail *t, const struct writes_head_answer *answer);
/* Any thread: may a mark of the partition end at `through`, or a commit have
 * the version before it? */
bool tail_believes(const struct tail *t, int32_t partition, version_t through);
/* Any thread: may Redis's watermark be `watermark`? If this instance has found
 * a forged commit, Redis may have believed it, too. From then on the watermark
 * must not be above the last known head, until the log has grown past the
 * forged commit. */
bool tail_believes_redis(
    const struct tail *t, int32_t partition, version_t watermark);
/* Any thread: the watermark just past the last forged commit that the tail has
 * believed; 0: there was none. */
version_t tail_forged(const struct tail *t, int32_t partition);
/* To be called before a collection that is new in this process is found: no
 * page of it may be older than the commits that were heard of until now. On
 * the main loop. */
void tail_begin_collection(struct tail *t, const struct collection *c);
/* Any thread: can Kafka be reached? */
bool tail_up(const struct tail *t);
/* Any thread: is every partition's watermark known? */
bool tail_started(const struct tail *t);
/* Any thread: a partition that waits, because its commits have a format that
 * this version does not know; -1: none. */
int32_t tail_newer(const struct tail *t);
/* Any thread: has every partition been compared with the head of the log since
 * the start? Until then, a forged commit that was read at the start may be
 * believed.
 */
bool tail_compared(const struct tail *t);
/* Rejected writes that were heard of since the start. */
int64_t tail_rejected(const struct tail *t);
void tail_free(struct tail **t);
