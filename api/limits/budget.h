/* A limit for the memory that clients make the process hold, in bytes. There is
 * one budget for the bodies of requests, and one for answers that clients have
 * not taken yet.
 *
 * All threads share a budget without a lock. A piece of more than BUDGET_SMALL
 * bytes may use only three quarters of the limit. The last quarter is for small
 * pieces, so that a few large requests do not keep out all others.
 *
 * Invariant: whatever is taken is given back, so `used` is 0 when nothing is
 * held.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUDGET_SMALL = 64 * 1024 };

struct budget {
	atomic_size_t used;
	size_t most;
	_Atomic uint64_t refused;
};

/* These two belong to the process, not to struct instance. Bytes of an answer
 * are given back when libmicrohttpd frees the last response that has them. That
 * may be on any thread, and the callback gets only the bytes. */
extern struct budget budget_bodies;
extern struct budget budget_answers;

/* A holder has *held bytes and wants to hold `want` in all. To hold less always
 * succeeds. False: *held is unchanged, and the refusal is counted. Any thread,
 * but only the holder may use *held. */
bool budget_take(struct budget *b, size_t *held, size_t want);
/* The same for bytes that exist already: may exceed the limit. */
void budget_set(struct budget *b, size_t *held, size_t want);
/* Could `n` more bytes be taken now? False is counted as a refusal. */
bool budget_fits(struct budget *b, size_t n);
/* Is there room for `n` bytes that are counted already? False is counted as a
 * refusal. */
bool budget_keeps(struct budget *b, size_t n);
/* Is the limit exceeded? */
bool budget_is_over(const struct budget *b);
/* Is more than half of the limit used? If so, slow clients are cut off earlier.
 */
bool budget_is_tight(const struct budget *b);
