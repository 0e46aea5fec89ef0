/* Single flight: concurrent misses of one key join one lookup (pure core).
 *
 * The first to join a key in a mode leads and looks it up; the others wait. A
 * mode is a kind of lookup: only those of one mode can share a result. When
 * the leader lands, everybody who joined since gets its result. What they get
 * was read after they joined or before: each checks it against the floors of
 * now (INV-1) and joins again where it is too old.
 *
 * Any thread may call anything; the table is sharded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct singleflight;

/* Embedded in whoever waits; it stays where it is until it has landed or
 * left. */
struct singleflight_waiter {
	struct singleflight_waiter *next;
};

struct singleflight *singleflight_new(unsigned shards);
/* Nobody waits any more (CHECK). */
void singleflight_free(struct singleflight **f);

/* True: the caller leads, and calls singleflight_land exactly once. The leader
 * waits like the others. */
bool singleflight_join(struct singleflight *f, uint64_t mode, const char *id,
    size_t len, struct singleflight_waiter *w);
/* False: it has landed already, its result is on the way. */
bool singleflight_leave(struct singleflight *f, uint64_t mode, const char *id,
    size_t len, struct singleflight_waiter *w);
/* Ends the flight. Returns its waiters in order of joining; each may be
 * touched by its own thread only, once `next` was read. */
struct singleflight_waiter *singleflight_land(
    struct singleflight *f, uint64_t mode, const char *id, size_t len);
/* Waiters in all, for tests and gauges. */
size_t singleflight_waiting(struct singleflight *f);
