/* Commands that wait for Redis's answer.
 *
 * A command's cell outlives its caller: a late reply finds it answered
 * already, and is ignored. hiredis ends every command exactly once, with NULL
 * when its context goes; then the cell is freed.
 */
#pragma once

#include "common/base/clock.h"
#include "common/redis/redis.h"

struct redisop;

/* In the order of submission, so of deadline. */
struct redisops {
	struct redisop *first, **last;
	size_t n;
};

void redisops_init(struct redisops *ops);
/* Appends a cell; whoever submits the command frees it, in the end. */
struct redisop *redisop_new(
    struct redisops *ops, redis_done done, void *arg, mono_us_t deadline);
/* False: it was answered before, and nobody is called. */
bool redisop_answer(struct redisop *op, const redisReply *reply);
/* Takes back a cell whose command was not sent: nobody is called. */
void redisop_cancel(struct redisop *op);
/* Answers NULL to those whose deadline is over; returns how many. */
size_t redisops_expire(struct redisops *ops, mono_us_t now);
/* Answers NULL to all. */
void redisops_fail(struct redisops *ops);
