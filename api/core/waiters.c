#include "api/core/waiters.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

struct queue {
	struct wait *first, *last;
	atomic_size_t n; /* other threads look at it */
};

struct waiters {
	size_t count;
	int32_t partitions;
	struct queue queues[];
};

struct waiters *waiters_new(int32_t partitions)
{
	struct waiters *w =
	    mem_zalloc(sizeof *w + (size_t)partitions * sizeof(struct queue));
	w->partitions = partitions;
	return w;
}

void waiters_free(struct waiters **w)
{
	CHECK(*w == NULL || (*w)->count == 0);
	free(*w);
	*w = NULL;
}

void waiters_add(struct waiters *w, struct wait *wait, struct position p)
{
	CHECK(!wait->waiting && p.partition < w->partitions);
	struct queue *q = &w->queues[p.partition];
	struct wait *after = q->last;
	while (after && after->position.version > p.version)
		after = after->prev;
	wait->position = p;
	wait->waiting = true;
	wait->prev = after;
	wait->next = after ? after->next : q->first;
	*(after ? &after->next : &q->first) = wait;
	*(wait->next ? &wait->next->prev : &q->last) = wait;
	w->count++;
	atomic_fetch_add(&q->n, 1);
}

void waiters_remove(struct waiters *w, struct wait *wait)
{
	if (!wait->waiting)
		return;
	struct queue *q = &w->queues[wait->position.partition];
	*(wait->prev ? &wait->prev->next : &q->first) = wait->next;
	*(wait->next ? &wait->next->prev : &q->last) = wait->prev;
	wait->waiting = false;
	w->count--;
	atomic_fetch_sub(&q->n, 1);
}

struct wait *waiters_pass(
    struct waiters *w, int32_t partition, version_t through)
{
	struct wait *first = w->queues[partition].first;
	if (first == NULL || first->position.version >= through)
		return NULL;
	waiters_remove(w, first);
	return first;
}

bool waiters_any(const struct waiters *w, int32_t partition)
{
	return atomic_load((atomic_size_t *)&w->queues[partition].n) > 0;
}

size_t waiters_count(const struct waiters *w)
{
	return w->count;
}
