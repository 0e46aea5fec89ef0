/* Single flight: concurrent misses of one key share one lookup (pure core).
 *
 * The first request to join a key in a mode is the leader and looks the key up;
 * the others wait. Only lookups of one mode can share a result. When the leader
 * lands, every request that has joined gets its result. That result may have
 * been read before a request joined. Therefore each request checks it against
 * the current floors (INV-1), and joins again if it is too old.
 *
 * Any thread may call anything; the table is sharded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct singleflight;

/* Embedded in what waits. It must stay at its address until it has landed or
 * left. */
struct singleflight_waiter {
	struct singleflight_waiter *next;
};

/* Returns owned. */
struct singleflight *singleflight_new(unsigned shards);
/* Nothing may wait any more (CHECK). */
void singleflight_free(struct singleflight **f);

/* True: the caller leads, and must call singleflight_land exactly once. The
 * leader is a waiter, too. */
bool singleflight_join(struct singleflight *f, uint64_t mode, const char *id,
    size_t len, struct singleflight_waiter *w);
/* False: the flight has landed already, and its result is on the way. */
bool singleflight_leave(struct singleflight *f, uint64_t mode, const char *id,
    size_t len, struct singleflight_waiter *w);
/* Ends the flight. Returns its waiters in the order in which they joined. Read
 * `next` of a waiter before its thread gets it: from then on, only that thread
 * may touch it. */
struct singleflight_waiter *singleflight_land(
    struct singleflight *f, uint64_t mode, const char *id, size_t len);
/* The number of waiters, for tests and gauges. */
size_t singleflight_waiting(struct singleflight *f);
