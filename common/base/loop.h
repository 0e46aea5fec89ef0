/* One libuv loop per thread, and its mailbox.
 *
 * Only the thread of a loop touches what the loop owns. Another thread calls
 * loop_post: then the function runs on the loop's thread, in the order of
 * posting.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <uv.h>

struct loop;

/* Returns owned. */
struct loop *loop_new(void);
uv_loop_t *loop_uv(struct loop *l);

/* Any thread, as long as the loop is not freed. What is posted after loop_run
 * returned is delivered by loop_free, on the thread that calls it. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* Runs until loop_stop; then finishes closing the handles that were closed. */
void loop_run(struct loop *l);
/* From the loop's thread. */
void loop_stop(struct loop *l);
/* Every handle of other modules is closed by now (CHECK). */
void loop_free(struct loop **l);

/* The longest time that the loop was busy between two polls for events;
 * everything else on its thread waited meanwhile. Any thread may ask. The
 * resolution is about a millisecond. */
struct loop_stall {
	dur_us_t recent; /* in the last minute */
	dur_us_t ever;
};
struct loop_stall loop_stall(const struct loop *l);
/* The maximum of both, member by member. */
struct loop_stall loop_stall_max(struct loop_stall a, struct loop_stall b);

/* A one-shot timer that may be re-armed; `fn` runs on the loop. */
struct loop_timer;
struct loop_timer *loop_timer_new(
    struct loop *l, void (*fn)(void *arg), void *arg);
/* Re-arms. Rounded up to milliseconds. */
void loop_timer_start(struct loop_timer *t, dur_us_t after);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_armed(const struct loop_timer *t);
/* Never calls back again. */
void loop_timer_free(struct loop_timer **t);
