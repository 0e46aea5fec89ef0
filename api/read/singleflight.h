/* Single flight: concurrent misses of one key join one lookup (pure core).
 *
 * The first to join a key in a lane leads and looks it up; the others wait. A
 * lane is a kind of lookup: only those of one lane can share a result. When
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

struct flights;

/* Embedded in whoever waits; it stays where it is until it has landed or
 * left. */
struct flight_waiter {
	struct flight_waiter *next;
};

struct flights *flights_new(unsigned shards);
/* Nobody waits any more (CHECK). */
void flights_free(struct flights **f);

/* True: the caller leads, and calls flights_land exactly once. The leader
 * waits like the others. */
bool flights_join(struct flights *f, uint64_t lane, const char *id, size_t len,
    struct flight_waiter *w);
/* False: it has landed already, its result is on the way. */
bool flights_leave(struct flights *f, uint64_t lane, const char *id, size_t len,
    struct flight_waiter *w);
/* Ends the flight. Returns its waiters in order of joining; each may be
 * touched by its own thread only, once `next` was read. */
struct flight_waiter *flights_land(
    struct flights *f, uint64_t lane, const char *id, size_t len);
/* Waiters in all, for tests and gauges. */
size_t flights_waiting(struct flights *f);
