#include "common/redis/redis_command.h"

#include "common/base/mem.h"

#include <stdlib.h>

struct redisop {
	struct redisop *next, **prev; /* in ops while it has a caller */
	struct redisops *ops;	      /* NULL: answered already */
	redis_done done;
	void *arg;
	mono_us_t deadline;
};

void redisops_init(struct redisops *ops)
{
	*ops = (struct redisops){.last = &ops->first};
}

struct redisop *redisop_new(
    struct redisops *ops, redis_done done, void *arg, mono_us_t deadline)
{
	struct redisop *op = MEM_NEW(struct redisop);
	*op = (struct redisop){.prev = ops->last,
	    .ops = ops,
	    .done = done,
	    .arg = arg,
	    .deadline = deadline};
	*ops->last = op;
	ops->last = &op->next;
	ops->n++;
	return op;
}

static void unlink_op(struct redisop *op)
{
	*op->prev = op->next;
	if (op->next)
		op->next->prev = op->prev;
	else
		op->ops->last = op->prev;
	op->ops->n--;
	op->ops = NULL;
}

bool redisop_answer(struct redisop *op, const redisReply *reply)
{
	if (op->ops == NULL)
		return false;
	unlink_op(op);
	op->done(op->arg, reply);
	return true;
}

void redisop_cancel(struct redisop *op)
{
	unlink_op(op);
	free(op);
}

size_t redisops_expire(struct redisops *ops, mono_us_t now)
{
	size_t n = 0;
	for (; ops->first && ops->first->deadline <= now; n++)
		redisop_answer(ops->first, NULL);
	return n;
}

void redisops_fail(struct redisops *ops)
{
	while (ops->first)
		redisop_answer(ops->first, NULL);
}
