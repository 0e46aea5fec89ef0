/* Reads the watermarks of partitions from Redis, so that they resume there. */
#pragma once

#include "projector/apply/partition.h"

struct resume;

/* Borrows the partitions (an entry may be NULL). `done`: every partition that
 * was held has its watermark, and waits for partition_assigned. */
struct resume *resume_new(struct partition_context *x,
    struct partition *const *parts, size_t n, void (*done)(void *arg),
    void *arg);
/* Asks Redis about every partition that is held; the others go on. If it
 * already runs, it starts again. May be called from anywhere: `done` comes
 * later, once, unless stopped. */
void resume_begin(struct resume *r);
/* Compares Redis's watermarks with those of the partitions. If they differ, it
 * holds every partition, and begins: Redis was emptied or restored, and without
 * new writes no script would show this. */
void resume_check(struct resume *r);
/* Redis is ready: waits no longer. */
void resume_hurry(struct resume *r);
/* Call it before a partition is freed. */
void resume_stop(struct resume *r);
bool resume_is_running(const struct resume *r);
/* Call it after the connection to Redis is freed, because its last answers come
 * here. */
void resume_free(struct resume **r);
