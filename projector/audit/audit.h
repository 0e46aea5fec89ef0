/* The auditor: samples commits, and looks 1, 10 and 60 seconds later whether
 * Redis, the replica and the API instances hold them.
 *
 * It only asks. The samples are bounded by audit.rate, and so are the
 * questions; what it cannot ask it skips, and counts that.
 */
#pragma once

#include "projector/core/settings.h"
#include "projector/core/stats.h"

#include "common/base/loop.h"
#include "common/log/record.h"
#include "common/redis/redis.h"

struct audit;

struct err audit_check_settings(const struct projector_settings *s);
/* NULL: audit.rate is 0. All borrowed. */
struct audit *audit_new(struct loop *l, const struct projector_settings *s,
    struct redis *r, struct stats *stats);

/* Each takes NULL, too. A commit that follows from the log: `newest` of its
 * partition, so far. */
void audit_record(struct audit *a, int32_t partition,
    const struct record_commit *r, bool newest);
/* All commits of the partition below the watermark were heard of. */
void audit_mark(struct audit *a, int32_t partition, version_t watermark);
/* What was heard of the partition does not hang together with what comes. */
void audit_forget(struct audit *a, int32_t partition);
/* Begins no question any more. */
void audit_stop(struct audit *a);
/* After the connection to Redis, whose last answers come here. */
void audit_free(struct audit **a);
