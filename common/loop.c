#include "common/loop.h"

#include "common/check.h"
#include "common/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct message {
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	pthread_mutex_t lock;
	bool closed;	       /* under lock */
	struct message *inbox; /* under lock */
	size_t n, cap;	       /* under lock */
	struct message *work;  /* swapped with inbox, loop's thread only */
	size_t work_cap;
};

static void deliver(uv_async_t *wake)
{
	struct loop *l = wake->data;
	pthread_mutex_lock(&l->lock);
	struct message *batch = l->inbox;
	size_t n = l->n, cap = l->cap;
	l->inbox = l->work;
	l->cap = l->work_cap;
	l->n = 0;
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < n; i++)
		batch[i].fn(batch[i].arg);
	l->work = batch;
	l->work_cap = cap;
}

struct loop *loop_new(void)
{
	struct loop *l = MEM_NEW(struct loop);
	CHECK_OS(uv_loop_init(&l->uv));
	CHECK_OS(uv_async_init(&l->uv, &l->wake, deliver));
	l->wake.data = l;
	CHECK_OS(pthread_mutex_init(&l->lock, NULL));
	return l;
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->lock);
	bool open = !l->closed;
	if (open) {
		MEM_GROW(l->inbox, l->cap, l->n);
		l->inbox[l->n++] = (struct message){fn, arg};
		/* Under the lock: the handle cannot be closed meanwhile. */
		CHECK_OS(uv_async_send(&l->wake));
	}
	pthread_mutex_unlock(&l->lock);
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

/* False: it is not empty. */
static bool close_inbox(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	bool empty = l->n == 0;
	l->closed = empty;
	if (empty)
		uv_close((uv_handle_t *)&l->wake, NULL);
	pthread_mutex_unlock(&l->lock);
	return empty;
}

void loop_free(struct loop **lp)
{
	struct loop *l = *lp;
	if (l == NULL)
		return;
	/* What came after the end of loop_run is delivered all the same, and
	 * what that posts. */
	do
		deliver(&l->wake);
	while (!close_inbox(l));
	/* Close callbacks of every module run here. */
	uv_run(&l->uv, UV_RUN_DEFAULT);
	CHECK_OS(uv_loop_close(&l->uv));
	pthread_mutex_destroy(&l->lock);
	free(l->inbox);
	free(l->work);
	free(l);
	*lp = NULL;
}

struct loop_timer {
	uv_timer_t uv;
	void (*fn)(void *arg);
	void *arg;
};

static void fire(uv_timer_t *uv)
{
	struct loop_timer *t = uv->data;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(
    struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = MEM_NEW(struct loop_timer);
	CHECK_OS(uv_timer_init(&l->uv, &t->uv));
	t->uv.data = t;
	t->fn = fn;
	t->arg = arg;
	return t;
}

void loop_timer_start(struct loop_timer *t, dur_us_t after)
{
	uint64_t ms = after > 0 ? (uint64_t)(after + 999) / 1000 : 0;
	uv_update_time(t->uv.loop);
	CHECK_OS(uv_timer_start(&t->uv, fire, ms, 0));
}

void loop_timer_stop(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

bool loop_timer_armed(const struct loop_timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv) != 0;
}

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

void loop_timer_free(struct loop_timer **tp)
{
	if (*tp == NULL)
		return;
	uv_close((uv_handle_t *)&(*tp)->uv, free_handle);
	*tp = NULL;
}
