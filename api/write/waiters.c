#include "api/write/waiters.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>

struct queue {
	struct wait *first, *last;
};

struct waits {
	size_t count;
	int32_t partitions;
	struct queue queues[];
};

struct waits *waits_new(int32_t partitions)
{
	struct waits *w =
	    mem_zalloc(sizeof *w + (size_t)partitions * sizeof(struct queue));
	w->partitions = partitions;
	return w;
}

void waits_free(struct waits **w)
{
	CHECK(*w == NULL || (*w)->count == 0);
	free(*w);
	*w = NULL;
}

void waits_add(struct waits *w, struct wait *wait, struct position p)
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
}

void waits_remove(struct waits *w, struct wait *wait)
{
	if (!wait->waiting)
		return;
	struct queue *q = &w->queues[wait->position.partition];
	*(wait->prev ? &wait->prev->next : &q->first) = wait->next;
	*(wait->next ? &wait->next->prev : &q->last) = wait->prev;
	wait->waiting = false;
	w->count--;
}

struct wait *waits_pass(struct waits *w, int32_t partition, version_t through)
{
	struct wait *first = w->queues[partition].first;
	if (first == NULL || first->position.version >= through)
		return NULL;
	waits_remove(w, first);
	return first;
}

size_t waits_count(const struct waits *w)
{
	return w->count;
}
