/* The thread touches only the question. A cancelled question runs to its end
 * (some seconds at most); then the loop frees it. loop_free waits for it.
 */
#include "writer/startup/log_offsets.h"

#include "writer/startup/topics.h"

#include "common/base/mem.h"

#include <stdlib.h>

#define TIMEOUT CLOCK_S(5)

struct log_offsets {
	uv_work_t work;
	struct kafka_config kafka;
	const char *topic;
	struct log_offsets_of *list;
	size_t n;
	struct err err;
	log_offsets_done done; /* NULL: cancelled */
	void *arg;
};

static void on_thread(uv_work_t *work)
{
	struct log_offsets *e = work->data;
	struct topics *topics;
	e->err = topics_new(&e->kafka, &topics);
	for (size_t i = 0; i < e->n && e->err.kind == ERR_KIND_OK; i++) {
		struct log_offsets_of *one = &e->list[i];
		e->err = topics_ends(topics, e->topic, one->partition, TIMEOUT,
		    &one->low, &one->high);
	}
	topics_free(&topics);
}

static void on_loop(uv_work_t *work, int status)
{
	(void)status;
	struct log_offsets *e = work->data;
	if (e->done)
		e->done(e->arg, &e->err, e->list, e->n);
	free(e->list);
	free(e);
}

struct log_offsets *log_offsets_ask(struct context *x,
    const int32_t *partitions, size_t n, log_offsets_done done, void *arg)
{
	struct log_offsets *e = MEM_NEW(struct log_offsets);
	e->work.data = e;
	e->kafka = x->kafka;
	e->topic = x->settings->common.writes_topic;
	e->n = n;
	e->list = mem_zalloc((n + 1) * sizeof *e->list);
	e->done = done;
	e->arg = arg;
	for (size_t i = 0; i < n; i++)
		e->list[i].partition = partitions[i];
	uv_queue_work(loop_uv(x->loop), &e->work, on_thread, on_loop);
	return e;
}

void log_offsets_cancel(struct log_offsets **e)
{
	if (*e)
		(*e)->done = NULL;
	*e = NULL;
}
