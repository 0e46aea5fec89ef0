#include "writer/decide/queue.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

void queue_push(struct queue *q, const struct write *w)
{
	/* Room in front rather than more memory, once it is half of it. */
	if (q->head >= q->n && q->head > 0 && q->head + q->n == q->cap) {
		memcpy(q->items, &q->items[q->head], q->n * sizeof *q->items);
		q->head = 0;
	}
	MEM_GROW(q->items, q->cap, q->head + q->n);
	q->items[q->head + q->n++] = *w;
	q->bytes += w->size;
}

const struct write *queue_at(const struct queue *q, size_t i)
{
	CHECK(i < q->n);
	return &q->items[q->head + i];
}

struct write *queue_take(struct queue *q, size_t n)
{
	CHECK(n > 0 && n <= q->n);
	struct write *out = mem_dup(&q->items[q->head], n * sizeof *out);
	for (size_t i = 0; i < n; i++)
		q->bytes -= out[i].size;
	q->head += n;
	q->n -= n;
	if (q->n == 0)
		q->head = 0;
	return out;
}

void queue_return(struct queue *q, struct write *writes, size_t n)
{
	if (q->head < n) {
		/* items may be NULL while empty: nothing to move then. */
		size_t cap = n + q->n + 16;
		struct write *items = mem_alloc(cap * sizeof *items);
		if (q->n)
			memcpy(&items[n], &q->items[q->head],
			    q->n * sizeof *items);
		free(q->items);
		q->items = items;
		q->cap = cap;
		q->head = n;
	}
	q->head -= n;
	memcpy(&q->items[q->head], writes, n * sizeof *writes);
	q->n += n;
	for (size_t i = 0; i < n; i++)
		q->bytes += writes[i].size;
	free(writes);
}

void queue_clear(struct queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		write_clear(&q->items[q->head + i]);
	free(q->items);
	*q = (struct queue){0};
}
