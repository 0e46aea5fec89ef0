/* Bytes of memory that clients make the process hold, against a limit: one
 * budget for request bodies, one for answers that clients have not taken.
 *
 * All threads share a budget without a lock. A piece of more than BUDGET_SMALL
 * bytes may use three quarters of the limit: the last quarter is for small
 * ones, so that a few large requests do not keep everybody else out.
 *
 * Invariant: what is taken is given back, so `used` is 0 when nothing is held.
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

/* Of the process, and not of struct instance: bytes of an answer are given back
 * where libmicrohttpd lets go of the last response that has them, which may be
 * on any thread, and its callback is told of the bytes and of no app. */
extern struct budget budget_bodies;
extern struct budget budget_answers;

/* The holder has *held bytes and wants `want` in all. Less is always given. On
 * false, *held stays as it is, and the refusal is counted. Any thread; *held is
 * the caller's. */
bool budget_take(struct budget *b, size_t *held, size_t want);
/* The same for bytes that are there already: it may pass the limit. */
void budget_set(struct budget *b, size_t *held, size_t want);
/* Could so many bytes be taken now? False is counted as a refusal. */
bool budget_fits(struct budget *b, size_t n);
/* Of `n` bytes that are counted already: is there room for them? False is
 * counted as a refusal. */
bool budget_keeps(struct budget *b, size_t n);
/* Is more used than the limit? */
bool budget_is_over(const struct budget *b);
/* Is more than half of it used? Then slow clients are cut off earlier. */
bool budget_is_tight(const struct budget *b);
