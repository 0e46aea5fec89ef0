#include "common/redis/redis_command.h"

#include "common/base/mem.h"

#include <stdlib.h>

struct redis_command {
	struct redis_command *next, **prev; /* in ops until it is answered */
	struct redis_commands *ops;	    /* NULL: answered already */
	redis_done done;
	void *arg;
	mono_us_t deadline;
};

void redis_commands_init(struct redis_commands *ops)
{
	*ops = (struct redis_commands){.last = &ops->first};
}

struct redis_command *redis_command_new(
    struct redis_commands *ops, redis_done done, void *arg, mono_us_t deadline)
{
	struct redis_command *op = MEM_NEW(struct redis_command);
	*op = (struct redis_command){.prev = ops->last,
	    .ops = ops,
	    .done = done,
	    .arg = arg,
	    .deadline = deadline};
	*ops->last = op;
	ops->last = &op->next;
	ops->n++;
	return op;
}

static void unlink_op(struct redis_command *op)
{
	*op->prev = op->next;
	if (op->next)
		op->next->prev = op->prev;
	else
		op->ops->last = op->prev;
	op->ops->n--;
	op->ops = NULL;
}

bool redis_command_answer(struct redis_command *op, const redisReply *reply)
{
	if (op->ops == NULL)
		return false;
	unlink_op(op);
	op->done(op->arg, reply);
	return true;
}

size_t redis_commands_expire(struct redis_commands *ops, mono_us_t now)
{
	size_t n = 0;
	for (; ops->first && ops->first->deadline <= now; n++)
		redis_command_answer(ops->first, NULL);
	return n;
}

void redis_commands_fail(struct redis_commands *ops)
{
	while (ops->first)
		redis_command_answer(ops->first, NULL);
}
