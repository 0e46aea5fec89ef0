/* Reading the watermarks of all partitions from Redis, to go on from there. */
#pragma once

#include "projector/apply/partition.h"

struct resume;

/* Borrows the partitions (an entry may be NULL). `done`: every partition was
 * told. */
struct resume *resume_new(struct partition_context *x,
    struct partition *const *parts, size_t n, void (*done)(void *arg),
    void *arg);
/* Holds every partition, and asks; again from the beginning when it runs
 * already. May be called from anywhere: `done` comes later, once, unless
 * stopped. */
void resume_begin(struct resume *r);
/* Asks Redis whether it is where the partitions believe; begins when it is not:
 * it was emptied or restored, and perhaps nothing is written that would show
 * it.
 */
void resume_check(struct resume *r);
/* Redis is ready: waits no longer. */
void resume_hurry(struct resume *r);
void resume_stop(struct resume *r);
bool resume_is_running(const struct resume *r);
/* After the connection to Redis, whose last answers come here. */
void resume_free(struct resume **r);
