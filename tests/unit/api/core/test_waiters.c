/* Waits: against a naive model, and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/core/waiters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static struct wait *pass(
    struct waiters *w, int32_t partition, version_t through)
{
	struct wait *one = waiters_pass(w, partition, through);
	if (one)
		assert_false(one->waiting);
	return one;
}

static void in_order(void **state)
{
	(void)state;
	static const version_t versions[] = {5, 9, 7, 5, 1};
	static const int order[] = {4, 0, 3, 2, 1}; /* equal: first come */
	struct waiters *w = waiters_new(2);
	struct wait waits[5] = {0};
	assert_null(pass(w, 0, VERSION_MAX));
	for (size_t i = 0; i < 5; i++) {
		waiters_add(w, &waits[i], (struct position){1, versions[i]});
		assert_true(waits[i].waiting);
		assert_int_equal(waiters_count(w), i + 1);
		assert_true(waiters_any(w, 1));
		assert_false(waiters_any(w, 0));
	}
	assert_null(pass(w, 0, VERSION_MAX)); /* another partition */
	assert_null(pass(w, 1, 1)); /* the watermark is not below itself */
	assert_ptr_equal(pass(w, 1, 2), &waits[4]);
	assert_null(pass(w, 1, 5));
	for (size_t i = 1; i < 5; i++)
		assert_ptr_equal(pass(w, 1, 100), &waits[order[i]]);
	assert_null(pass(w, 1, VERSION_MAX));
	assert_int_equal(waiters_count(w), 0);
	assert_false(waiters_any(w, 1));
	waiters_free(&w);
	assert_null(w);
	waiters_free(&w);
}

static void removed(void **state)
{
	(void)state;
	/* The first, the last, the middle, the only one. */
	static const int gone[] = {0, 4, 2, 1, 3};
	struct waiters *w = waiters_new(1);
	struct wait waits[5] = {0};
	waiters_remove(w, &waits[0]); /* harmless: it does not wait */
	for (size_t i = 0; i < 5; i++)
		waiters_add(w, &waits[i], (struct position){0, i});
	for (size_t i = 0; i < 5; i++) {
		waiters_remove(w, &waits[gone[i]]);
		waiters_remove(w, &waits[gone[i]]);
		assert_false(waits[gone[i]].waiting);
		assert_int_equal(waiters_count(w), 4 - i);
	}
	waiters_add(w, &waits[2], (struct position){0, 9}); /* once more */
	assert_ptr_equal(pass(w, 0, 10), &waits[2]);
	waiters_free(&w);
}

/* --- the model: an array that is searched through --------------------------
 */

enum { WAITS = 24, PARTITIONS = 3, STEPS = 200000 };

struct model {
	bool waiting[WAITS];
	struct position at[WAITS];
	uint64_t came[WAITS];
};

static int first_below(
    const struct model *m, int32_t partition, version_t through)
{
	int best = -1;
	for (int i = 0; i < WAITS; i++) {
		if (!m->waiting[i] || m->at[i].partition != partition ||
		    m->at[i].version >= through)
			continue;
		if (best < 0 || m->at[i].version < m->at[best].version ||
		    (m->at[i].version == m->at[best].version &&
			m->came[i] < m->came[best]))
			best = i;
	}
	return best;
}

static uint32_t dice(uint32_t sides)
{
	static uint64_t random = 20240607;
	random = random * 6364136223846793005u + 1;
	return (uint32_t)(random >> 33) % sides;
}

static void against_a_model(void **state)
{
	(void)state;
	struct waiters *w = waiters_new(PARTITIONS);
	struct wait waits[WAITS] = {0};
	struct model m = {0};
	size_t n = 0;
	for (uint64_t i = 0; i < STEPS; i++) {
		uint32_t k = dice(WAITS);
		uint32_t what = dice(4);
		if (what == 0 && m.waiting[k]) {
			waiters_remove(w, &waits[k]);
			m.waiting[k] = false;
			n--;
		} else if (what <= 1 && !m.waiting[k]) {
			m.at[k] = (struct position){
			    (int32_t)dice(PARTITIONS), dice(12)};
			m.came[k] = i;
			m.waiting[k] = true;
			waiters_add(w, &waits[k], m.at[k]);
			n++;
		} else if (what == 2) {
			int32_t p = (int32_t)dice(PARTITIONS);
			version_t through = dice(13);
			int want = first_below(&m, p, through);
			struct wait *got = pass(w, p, through);
			assert_ptr_equal(got, want < 0 ? NULL : &waits[want]);
			if (want >= 0) {
				m.waiting[want] = false;
				n--;
			}
		}
		assert_int_equal(waiters_count(w), n);
		assert_int_equal(waits[k].waiting, m.waiting[k]);
	}
	for (int i = 0; i < WAITS; i++)
		waiters_remove(w, &waits[i]);
	waiters_free(&w);
}

/* --- a mark comes while a request begins to wait ---------------------------
 *
 * In each round, at the same moment, the request begins to wait for the version
 * of the round, and the tail passes it. At least one of them sees the other.
 */

enum { ROUNDS = 20000 };

static pthread_barrier_t barrier;
static struct waiters *shared;
static _Atomic version_t watermark;
static int missed;

static void *tail(void *arg)
{
	bool *woken = arg;
	for (version_t i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		atomic_store(&watermark, i + 1);
		*woken = waiters_any(shared, 0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void nobody_is_missed(void **state)
{
	(void)state;
	bool woken;
	struct wait wait = {0};
	pthread_t thread;
	shared = waiters_new(1);
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, tail, &woken), 0);
	for (version_t i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		waiters_add(shared, &wait, (struct position){0, i});
		bool passed = i < atomic_load(&watermark);
		pthread_barrier_wait(&barrier);
		missed += !passed && !woken;
		waiters_remove(shared, &wait);
		pthread_barrier_wait(&barrier);
	}
	pthread_join(thread, NULL);
	assert_int_equal(missed, 0);
	pthread_barrier_destroy(&barrier);
	waiters_free(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_order),
	    cmocka_unit_test(removed),
	    cmocka_unit_test(against_a_model),
	    cmocka_unit_test(nobody_is_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
