#include "common/kafka/assignment.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>

void assignment_add(struct assignment *l, int32_t partition)
{
	l->at = mem_realloc(l->at, (l->n + 1) * sizeof *l->at);
	l->at[l->n++] = (struct assigned){.partition = partition};
}

void assignment_split(struct assignment *l, rd_kafka_t *rk, const char *topic,
    struct kafka_poll *poll)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].queue)
			continue;
		rd_kafka_queue_t *q =
		    rd_kafka_queue_get_partition(rk, topic, l->at[i].partition);
		CHECK(q != NULL);
		kafka_poll_watch(poll, q);
		rd_kafka_queue_forward(q, NULL);
		l->at[i].queue = q;
	}
}

struct assigned *assignment_find(const struct assignment *l, int32_t partition)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].partition == partition)
			return &l->at[i];
	}
	return NULL;
}

static void drop_queue(struct assigned *one)
{
	if (one->queue == NULL)
		return;
	kafka_poll_unwatch(one->queue);
	rd_kafka_queue_destroy(one->queue);
}

void assignment_remove(struct assignment *l, struct assigned *one)
{
	drop_queue(one);
	*one = l->at[--l->n];
}

void assignment_drop(struct assignment *l)
{
	for (size_t i = 0; i < l->n; i++)
		drop_queue(&l->at[i]);
	free(l->at);
	*l = (struct assignment){0};
}
