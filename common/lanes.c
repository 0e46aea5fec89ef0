#include "common/lanes.h"

#include "common/check.h"
#include "common/mem.h"

#include <stdlib.h>

static void split(
    struct lane *lane, rd_kafka_t *rk, const char *topic, int wake_fd)
{
	uint64_t one = 1;
	lane->queue = rd_kafka_queue_get_partition(rk, topic, lane->partition);
	CHECK(lane->queue != NULL);
	rd_kafka_queue_io_event_enable(lane->queue, wake_fd, &one, sizeof one);
	rd_kafka_queue_forward(lane->queue, NULL);
}

void lanes_add(struct lanes *l, rd_kafka_t *rk, const char *topic,
    int32_t partition, int wake_fd)
{
	l->at = mem_realloc(l->at, (l->n + 1) * sizeof *l->at);
	struct lane *lane = &l->at[l->n++];
	*lane = (struct lane){.partition = partition};
	if (wake_fd >= 0)
		split(lane, rk, topic, wake_fd);
}

struct lane *lanes_find(const struct lanes *l, int32_t partition)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].partition == partition)
			return &l->at[i];
	}
	return NULL;
}

void lanes_drop(struct lanes *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].queue == NULL)
			continue;
		rd_kafka_queue_io_event_enable(l->at[i].queue, -1, NULL, 0);
		rd_kafka_queue_destroy(l->at[i].queue);
	}
	free(l->at);
	*l = (struct lanes){0};
}
