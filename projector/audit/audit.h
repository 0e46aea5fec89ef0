/* The auditor: samples commits, and looks 1, 10 and 60 seconds later whether
 * Redis, the replica and the API instances hold them.
 *
 * It only reads. audit.rate bounds the samples and so the questions. It skips
 * and counts the questions that it cannot ask.
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

/* Each function takes NULL, too. A commit was heard. `newest`: it is the newest
 * of its partition so far. */
void audit_record(struct audit *a, int32_t partition,
    const struct record_commit *r, bool newest);
/* All commits of the partition below the watermark were heard of. */
void audit_mark(struct audit *a, int32_t partition, version_t watermark);
/* There is a gap between the commits that were heard and those that follow. */
void audit_forget(struct audit *a, int32_t partition);
/* Asks no new question. */
void audit_stop(struct audit *a);
/* Call it after the connection to Redis is freed, because its last answers come
 * here. */
void audit_free(struct audit **a);
