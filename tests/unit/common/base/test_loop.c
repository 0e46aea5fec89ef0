/* The loop: mailbox order, wake-ups from threads, timers, delivery at the
 * end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/loop.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum { MANY = 20000, THREADS = 4 };

static struct loop *loop;

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_free(&loop);
	assert_null(loop);
	loop_free(&loop); /* harmless */
	return 0;
}

static void stop(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* --- the mailbox ------------------------------------------------------------
 */

static size_t seen;

static void in_order(void *arg)
{
	assert_int_equal((uintptr_t)arg, seen);
	seen++;
}

static void post_from_itself(void **state)
{
	(void)state;
	seen = 0;
	for (uintptr_t i = 0; i < MANY; i++)
		loop_post(loop, in_order, (void *)i);
	assert_int_equal(seen, 0); /* never inside the post */
	loop_post(loop, stop, NULL);
	loop_run(loop);
	assert_int_equal(seen, MANY);
}

/* What is posted from inside a delivery comes after what was there. */
static int nested_order[4], nested;

static void note(void *arg)
{
	nested_order[nested++] = (int)(uintptr_t)arg;
}

static void note_and_post(void *arg)
{
	note(arg);
	loop_post(loop, note, (void *)((uintptr_t)arg + 10));
	assert_int_equal(nested_order[nested - 1], (uintptr_t)arg);
}

static void post_from_inside(void **state)
{
	(void)state;
	nested = 0;
	loop_post(loop, note_and_post, (void *)1);
	loop_post(loop, note_and_post, (void *)2);
	while (nested < 4)
		uv_run(loop_uv(loop), UV_RUN_ONCE);
	static const int want[] = {1, 2, 11, 12};
	for (int i = 0; i < 4; i++)
		assert_int_equal(nested_order[i], want[i]);
}

struct sender {
	pthread_t thread;
	size_t sent;	 /* by the thread */
	size_t received; /* by the loop */
};

struct parcel {
	struct sender *from;
	size_t number;
};

static size_t arrived;
static pthread_t loops_thread;

static void receive(void *arg)
{
	struct parcel *p = arg;
	assert_true(pthread_equal(pthread_self(), loops_thread));
	assert_int_equal(p->number, p->from->received);
	p->from->received++;
	free(p);
	if (++arrived == (size_t)THREADS * MANY)
		loop_stop(loop);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	for (; s->sent < MANY; s->sent++) {
		struct parcel *p = malloc(sizeof *p);
		*p = (struct parcel){s, s->sent};
		loop_post(loop, receive, p);
	}
	return NULL;
}

/* Each sender's messages come all, once, in its order, on the loop. */
static void post_from_threads(void **state)
{
	(void)state;
	struct sender senders[THREADS] = {0};
	arrived = 0;
	loops_thread = pthread_self();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&senders[i].thread, NULL,
				     send_all, &senders[i]),
		    0);
	loop_run(loop);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
		assert_int_equal(senders[i].received, MANY);
	}
}

/* One message after the other, each sent when the last one has arrived: the
 * loop sleeps in between, and every one of them wakes it. */
static size_t answered;
static sem_t heard; /* a thread that spins would keep the loop from its core */

static void answer(void *arg)
{
	(void)arg;
	if (++answered == MANY)
		loop_stop(loop);
	assert_int_equal(sem_post(&heard), 0);
}

static void *ping(void *arg)
{
	for (size_t i = 0; i < MANY; i++) {
		loop_post(loop, answer, arg);
		while (sem_wait(&heard) != 0)
			;
	}
	return NULL;
}

static void every_post_wakes(void **state)
{
	(void)state;
	pthread_t thread;
	answered = 0;
	assert_int_equal(sem_init(&heard, 0, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, ping, NULL), 0);
	loop_run(loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(answered, MANY);
	assert_int_equal(sem_destroy(&heard), 0);
}

/* --- the end ---------------------------------------------------------------
 */

static void delivered_at_the_end(void **state)
{
	(void)state;
	struct loop *own = loop_new();
	seen = 0;
	for (uintptr_t i = 0; i < 100; i++)
		loop_post(own, in_order, (void *)i);
	loop_free(&own);
	assert_int_equal(seen, 100);
}

static struct loop *ending;
static int hops;

static void hop(void *arg)
{
	if (++hops < 5)
		loop_post(ending, hop, arg);
}

/* What is delivered at the end may post, too. */
static void chain_at_the_end(void **state)
{
	(void)state;
	ending = loop_new();
	hops = 0;
	loop_post(ending, hop, NULL);
	loop_free(&ending);
	assert_int_equal(hops, 5);
}

static void timer_freed_at_the_end(void *arg)
{
	loop_timer_free(arg);
}

static void runs_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		seen = 0;
		loop_post(loop, in_order, (void *)0);
		loop_post(loop, stop, NULL);
		loop_run(loop);
		assert_int_equal(seen, 1);
	}
}

/* --- timers ----------------------------------------------------------------
 */

struct ticker {
	struct loop_timer *timer;
	mono_us_t at;
	int n, limit;
	dur_us_t period;
};

static void tick(void *arg)
{
	struct ticker *t = arg;
	assert_false(loop_timer_armed(t->timer)); /* one-shot */
	t->at = clock_mono();
	if (++t->n < t->limit)
		loop_timer_start(t->timer, t->period);
	else
		loop_stop(loop);
}

static void timer_comes_late_never_early(void **state)
{
	(void)state;
	static const dur_us_t table[] = {
	    -5, 0, 1, 999, 1000, 1001, 1999, 20000};
	struct ticker t = {.limit = 0};
	t.timer = loop_timer_new(loop, tick, &t);
	assert_false(loop_timer_armed(t.timer));
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		mono_us_t before = clock_mono();
		/* The loop's clock has milliseconds and is cut. */
		dur_us_t least = table[i] > 1000 ? table[i] - 1000 : 0;
		loop_timer_start(t.timer, table[i]);
		assert_true(loop_timer_armed(t.timer));
		loop_run(loop);
		assert_int_equal(t.n, i + 1);
		assert_true(t.at - before >= least);
		assert_true(t.at - before < CLOCK_S(10));
	}
	loop_timer_free(&t.timer);
	assert_null(t.timer);
}

static void timer_re_arms_itself(void **state)
{
	(void)state;
	struct ticker t = {.limit = 5, .period = CLOCK_MS(2)};
	t.timer = loop_timer_new(loop, tick, &t);
	mono_us_t before = clock_mono();
	loop_timer_start(t.timer, 0);
	loop_run(loop);
	assert_int_equal(t.n, 5);
	assert_true(clock_mono() - before >= 4 * CLOCK_MS(1));
	loop_timer_free(&t.timer);
}

/* Started again, it fires once, at the later time. */
static void timer_started_again(void **state)
{
	(void)state;
	struct ticker t = {.limit = 1};
	t.timer = loop_timer_new(loop, tick, &t);
	loop_timer_start(t.timer, CLOCK_MS(1));
	mono_us_t before = clock_mono();
	loop_timer_start(t.timer, CLOCK_MS(30));
	loop_run(loop);
	assert_int_equal(t.n, 1);
	assert_true(t.at - before >= CLOCK_MS(29));
	/* And the other way round. */
	loop_timer_start(t.timer, CLOCK_S(3600));
	loop_timer_start(t.timer, CLOCK_MS(1));
	loop_run(loop);
	assert_int_equal(t.n, 2);
	loop_timer_free(&t.timer);
}

static void never(void *arg)
{
	(void)arg;
	fail();
}

static void timer_stopped(void **state)
{
	(void)state;
	struct ticker t = {.limit = 1};
	struct loop_timer *stopped = loop_timer_new(loop, never, NULL);
	struct loop_timer *freed = loop_timer_new(loop, never, NULL);
	t.timer = loop_timer_new(loop, tick, &t);
	loop_timer_start(stopped, CLOCK_MS(1));
	loop_timer_start(freed, CLOCK_MS(1));
	loop_timer_start(t.timer, CLOCK_MS(10));
	loop_timer_stop(stopped);
	assert_false(loop_timer_armed(stopped));
	loop_timer_stop(stopped);
	loop_timer_free(&freed);
	loop_run(loop);
	assert_int_equal(t.n, 1);
	loop_timer_free(&stopped);
	loop_timer_free(&t.timer);
}

/* A timer may be freed by what the end of the loop delivers. */
static void timer_freed_by_a_message(void **state)
{
	(void)state;
	struct loop *own = loop_new();
	struct loop_timer *timer = loop_timer_new(own, never, NULL);
	loop_timer_start(timer, CLOCK_S(3600));
	loop_post(own, timer_freed_at_the_end, &timer);
	loop_free(&own);
	assert_null(timer);
}

/* A blocked loop: the time that has passed counts before the timer starts. */
static void timer_after_a_long_callback(void **state)
{
	(void)state;
	struct ticker t = {.limit = 1};
	t.timer = loop_timer_new(loop, tick, &t);
	uv_update_time(loop_uv(loop));
	mono_us_t busy = clock_mono() + CLOCK_MS(30);
	while (clock_mono() < busy)
		;
	loop_timer_start(t.timer, CLOCK_MS(15));
	mono_us_t before = clock_mono();
	loop_run(loop);
	assert_true(t.at - before >= CLOCK_MS(14) - 500);
	loop_timer_free(&t.timer);
}

static void work(void *arg)
{
	mono_us_t busy = clock_mono() + *(dur_us_t *)arg;
	while (clock_mono() < busy)
		;
	loop_stop(loop);
}

/* A second timer, so that the loop's time is set anew within the turn. */
static void work_and_start(void *arg)
{
	struct ticker *t = arg;
	dur_us_t us = CLOCK_MS(30);
	loop_timer_start(t->timer, CLOCK_S(3600));
	work(&us);
	loop_timer_start(t->timer, CLOCK_S(3600));
}

static void it_tells_how_long_it_stood(void **state)
{
	(void)state;
	struct ticker t = {0};
	dur_us_t us = 0;
	t.timer = loop_timer_new(loop, never, NULL);
	struct loop_timer *timer = loop_timer_new(loop, work_and_start, &t);
	/* Waiting for events is not standing still. */
	loop_timer_start(timer, CLOCK_MS(300));
	loop_run(loop);
	/* A loop that was stopped ends its turn in the next run. */
	loop_post(loop, work, &us);
	loop_run(loop);
	struct loop_stall s = loop_stall(loop);
	assert_true(s.ever >= CLOCK_MS(29) && s.ever < CLOCK_MS(250));
	assert_int_equal(s.recent, s.ever);
	loop_timer_free(&timer);
	loop_timer_free(&t.timer);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(post_from_itself),
	    TEST(post_from_inside),
	    TEST(post_from_threads),
	    TEST(every_post_wakes),
	    cmocka_unit_test(delivered_at_the_end),
	    cmocka_unit_test(chain_at_the_end),
	    TEST(runs_twice),
	    TEST(timer_comes_late_never_early),
	    TEST(timer_re_arms_itself),
	    TEST(timer_started_again),
	    TEST(timer_stopped),
	    cmocka_unit_test(timer_freed_by_a_message),
	    TEST(timer_after_a_long_callback),
	    TEST(it_tells_how_long_it_stood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
