#include "common/base/loop.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/stall.h"

#include <pthread.h>
#include <stdlib.h>

struct message {
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_prepare_t prepare;
	uv_check_t check;
	mono_us_t turn; /* when it began; 0: the loop waits for events */
	struct stall stall;
	pthread_mutex_t lock;
	bool closed;	       /* under lock */
	struct message *inbox; /* under lock */
	size_t n, cap;	       /* under lock */
	struct message *work;  /* swapped with inbox, loop's thread only */
	size_t work_cap;
};

/* --- turns --------------------------------------------------------------- */

/* A turn begins when the loop gets events. libuv sets the loop's time at that
 * moment. So this runs before anybody updates the time again. */
static void turn_begins(struct loop *l)
{
	if (l->turn == 0)
		l->turn = CLOCK_MS((int64_t)uv_now(&l->uv));
}

static void loop_on_check(uv_check_t *check)
{
	turn_begins(check->data);
}

/* A turn ends when the loop waits for events again. */
static void loop_on_prepare(uv_prepare_t *prepare)
{
	struct loop *l = prepare->data;
	if (l->turn) {
		mono_us_t now = clock_mono();
		stall_note(&l->stall, now, now - l->turn);
	}
	l->turn = 0;
}

/* libuv runs handles of one kind in the reverse order of their start, so these
 * run last. They do not keep the loop alive. */
static void watch_turns(struct loop *l)
{
	CHECK_OS(uv_prepare_init(&l->uv, &l->prepare));
	l->prepare.data = l;
	CHECK_OS(uv_prepare_start(&l->prepare, loop_on_prepare));
	uv_unref((uv_handle_t *)&l->prepare);
	CHECK_OS(uv_check_init(&l->uv, &l->check));
	l->check.data = l;
	CHECK_OS(uv_check_start(&l->check, loop_on_check));
	uv_unref((uv_handle_t *)&l->check);
}

struct loop_stall loop_stall(const struct loop *l)
{
	return (struct loop_stall){
	    .recent = stall_recent(&l->stall, clock_mono()),
	    .ever = stall_ever(&l->stall),
	};
}

struct loop_stall loop_stall_max(struct loop_stall a, struct loop_stall b)
{
	return (struct loop_stall){
	    .recent = a.recent > b.recent ? a.recent : b.recent,
	    .ever = a.ever > b.ever ? a.ever : b.ever,
	};
}

/* --- the mailbox --------------------------------------------------------- */

static void loop_deliver(uv_async_t *wake)
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
	CHECK_OS(uv_async_init(&l->uv, &l->wake, loop_deliver));
	l->wake.data = l;
	l->uv.data = l;
	watch_turns(l);
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
		/* Under the lock, so that the handle stays open. */
		CHECK_OS(uv_async_send(&l->wake));
	}
	pthread_mutex_unlock(&l->lock);
}

void loop_run(struct loop *l)
{
	l->turn = 0;
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

/* False: the inbox is not empty. */
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
	/* Messages that came after the end of loop_run are delivered, too, and
	 * so are those that they post. */
	do
		loop_deliver(&l->wake);
	while (!close_inbox(l));
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	/* Runs the close callbacks of every module. */
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
	turn_begins(t->uv.loop->data);
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

static void loop_free_handle(uv_handle_t *h)
{
	free(h->data);
}

void loop_timer_free(struct loop_timer **tp)
{
	if (*tp == NULL)
		return;
	uv_close((uv_handle_t *)&(*tp)->uv, loop_free_handle);
	*tp = NULL;
}
