/* Who posts a message wakes the thread by an eventfd, after it has released the
 * lock: a thread that woke under the lock would have to wait for it at once. A
 * uv_async_t would not do, since its reader waits until the writer is back from
 * its write; with more threads than cores that takes a time slice. Messages
 * share a wake until the thread has taken them.
 */
#include "common/base/loop.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/stall.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct message {
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_poll_t wake;
	int wake_fd;
	uv_prepare_t prepare;
	uv_check_t check;
	mono_us_t turn; /* when it began; 0: the loop waits for events */
	struct stall stall;
	pthread_mutex_t lock;
	bool closed;	       /* under lock */
	bool woken;	       /* under lock: a wake is on its way */
	atomic_int wakers;     /* threads that are about to write to wake_fd */
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

static void loop_deliver(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->woken = false;
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

static void loop_on_wake(uv_poll_t *wake, int status, int events)
{
	struct loop *l = wake->data;
	uint64_t count;
	(void)status;
	(void)events;
	/* Before the messages are taken: a later one writes again. */
	ssize_t n = read(l->wake_fd, &count, sizeof count);
	(void)n;
	loop_deliver(l);
}

static void loop_wake(struct loop *l)
{
	static const uint64_t one = 1;
	ssize_t n = write(l->wake_fd, &one, sizeof one);
	CHECK(n == sizeof one);
	atomic_fetch_sub(&l->wakers, 1); /* now the loop may be freed */
}

static void make_mailbox(struct loop *l)
{
	CHECK_OS(pthread_mutex_init(&l->lock, NULL));
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(l->wake_fd >= 0);
	CHECK_OS(uv_poll_init(&l->uv, &l->wake, l->wake_fd));
	l->wake.data = l;
	CHECK_OS(uv_poll_start(&l->wake, UV_READABLE, loop_on_wake));
}

struct loop *loop_new(void)
{
	struct loop *l = MEM_NEW(struct loop);
	CHECK_OS(uv_loop_init(&l->uv));
	l->uv.data = l;
	make_mailbox(l);
	watch_turns(l);
	return l;
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->uv;
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->lock);
	bool wake = !l->closed && !l->woken;
	if (!l->closed) {
		MEM_GROW(l->inbox, l->cap, l->n);
		l->inbox[l->n++] = (struct message){fn, arg};
		l->woken = true;
	}
	if (wake)
		atomic_fetch_add(&l->wakers, 1);
	pthread_mutex_unlock(&l->lock);
	if (wake)
		loop_wake(l);
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
		loop_deliver(l);
	while (!close_inbox(l));
	while (atomic_load(&l->wakers))
		sched_yield();
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	/* Runs the close callbacks of every module. */
	uv_run(&l->uv, UV_RUN_DEFAULT);
	CHECK_OS(uv_loop_close(&l->uv));
	close(l->wake_fd);
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
