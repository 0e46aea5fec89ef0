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

void assignment_drop(struct assignment *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].queue == NULL)
			continue;
		kafka_poll_unwatch(l->at[i].queue);
		rd_kafka_queue_destroy(l->at[i].queue);
	}
	free(l->at);
	*l = (struct assignment){0};
}
