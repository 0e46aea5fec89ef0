/* librdkafka's threads add one to an eventfd, which the loop waits for. */
#include "common/kafka/kafka_poll.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const uint64_t one = 1;

struct kafka_poll {
	int fd;
	uv_poll_t *poll;
	struct loop_timer *timer;
	dur_us_t beat;
	void (*serve)(void *arg);
	void *arg;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct kafka_poll *p = poll->data;
	uint64_t count;
	ssize_t n = read(p->fd, &count, sizeof count);
	(void)n;
	p->serve(p->arg);
}

static void on_beat(void *arg)
{
	struct kafka_poll *p = arg;
	loop_timer_start(p->timer, p->beat);
	p->serve(p->arg);
}

struct kafka_poll *kafka_poll_new(
    struct loop *loop, dur_us_t beat, void (*serve)(void *arg), void *arg)
{
	struct kafka_poll *p = MEM_NEW(struct kafka_poll);
	*p = (struct kafka_poll){.beat = beat, .serve = serve, .arg = arg};
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(p->fd >= 0);
	p->poll = MEM_NEW(uv_poll_t);
	CHECK_OS(uv_poll_init(loop_uv(loop), p->poll, p->fd));
	p->poll->data = p;
	CHECK_OS(uv_poll_start(p->poll, UV_READABLE, on_readable));
	p->timer = loop_timer_new(loop, on_beat, p);
	loop_timer_start(p->timer, beat);
	return p;
}

void kafka_poll_watch(struct kafka_poll *p, rd_kafka_queue_t *q)
{
	rd_kafka_queue_io_event_enable(q, p->fd, &one, sizeof one);
}

void kafka_poll_unwatch(rd_kafka_queue_t *q)
{
	rd_kafka_queue_io_event_enable(q, -1, NULL, 0);
}

void kafka_poll_again(struct kafka_poll *p)
{
	ssize_t n = write(p->fd, &one, sizeof one);
	(void)n; /* the counter is full, so `serve` will be called anyway */
}

static void kafka_poll_on_closed(uv_handle_t *handle)
{
	free(handle);
}

void kafka_poll_free(struct kafka_poll **pp)
{
	struct kafka_poll *p = *pp;
	if (p == NULL)
		return;
	uv_close((uv_handle_t *)p->poll, kafka_poll_on_closed);
	loop_timer_free(&p->timer);
	close(p->fd);
	free(p);
	*pp = NULL;
}
