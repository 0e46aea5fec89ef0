/* Commands that wait for Redis's answer.
 *
 * A command has a cell that may outlive its caller: if the reply is late, the
 * cell is answered already, and the reply is ignored. The connection ends every
 * command exactly once (redis_conn_done). Then the cell is freed.
 */
#pragma once

#include "common/base/clock.h"
#include "common/redis/redis.h"

struct redis_command;

/* In the order of submission, so of deadline. */
struct redis_commands {
	struct redis_command *first, **last;
	size_t n;
};

void redis_commands_init(struct redis_commands *ops);
/* Appends a cell; the module that submits the command frees it at the end. */
struct redis_command *redis_command_new(
    struct redis_commands *ops, redis_done done, void *arg, mono_us_t deadline);
/* False: it was answered before, and nobody is called. */
bool redis_command_answer(struct redis_command *op, const redisReply *reply);
/* Answers NULL to those whose deadline is over; returns how many. */
size_t redis_commands_expire(struct redis_commands *ops, mono_us_t now);
/* Answers NULL to all. */
void redis_commands_fail(struct redis_commands *ops);
