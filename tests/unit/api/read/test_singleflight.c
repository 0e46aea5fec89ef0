/* Single flight: every order of joining, leaving and landing; and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/read/singleflight.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* --- every order -----------------------------------------------------------
 */

enum { WAITERS = 4, KEYS = 2, STEPS = 7 };

/* The naive model: who waits for which key, in order of joining. */
struct model {
	int waits_for[WAITERS]; /* a key; -1: none */
	int order[KEYS][WAITERS];
	int n[KEYS];
	bool flies[KEYS];
};

static const char *const keys[KEYS] = {"records/a", "records/b"};
static struct singleflight_waiter waiters[WAITERS];

static void join(struct singleflight *f, struct model *m, int w, int k)
{
	bool leads =
	    singleflight_join(f, 0, keys[k], strlen(keys[k]), &waiters[w]);
	assert_int_equal(leads, !m->flies[k]);
	m->flies[k] = true;
	m->waits_for[w] = k;
	m->order[k][m->n[k]++] = w;
}

static void leave(struct singleflight *f, struct model *m, int w, int k)
{
	bool left =
	    singleflight_leave(f, 0, keys[k], strlen(keys[k]), &waiters[w]);
	assert_int_equal(left, m->waits_for[w] == k);
	if (!left)
		return;
	m->waits_for[w] = -1;
	int to = 0;
	for (int i = 0; i < m->n[k]; i++) {
		if (m->order[k][i] != w)
			m->order[k][to++] = m->order[k][i];
	}
	m->n[k] = to;
}

static void land(struct singleflight *f, struct model *m, int k)
{
	struct singleflight_waiter *w =
	    singleflight_land(f, 0, keys[k], strlen(keys[k]));
	for (int i = 0; i < m->n[k]; i++) {
		assert_ptr_equal(w, &waiters[m->order[k][i]]);
		m->waits_for[m->order[k][i]] = -1;
		w = w->next;
	}
	assert_null(w);
	m->n[k] = 0;
	m->flies[k] = false;
}

/* One step: 0…: waiter joins or leaves key; last: a key lands. False: it
 * cannot be taken now. */
static bool step(struct singleflight *f, struct model *m, int action)
{
	if (action < WAITERS * KEYS) {
		int w = action / KEYS, k = action % KEYS;
		if (m->waits_for[w] >= 0)
			return false;
		join(f, m, w, k);
	} else if (action < 2 * WAITERS * KEYS) {
		action -= WAITERS * KEYS;
		leave(f, m, action / KEYS, action % KEYS);
	} else {
		int k = action - 2 * WAITERS * KEYS;
		if (!m->flies[k])
			return false;
		land(f, m, k);
	}
	return true;
}

static int waiting(const struct model *m)
{
	return m->n[0] + m->n[1];
}

static void finish(struct singleflight *f, struct model *m)
{
	for (int k = 0; k < KEYS; k++) {
		if (m->flies[k])
			land(f, m, k);
	}
	assert_int_equal(singleflight_waiting(f), 0);
}

/* A sequence of actions, by number: all those of that length are tried. */
static void run_one(const int *actions, int n)
{
	struct singleflight *f = singleflight_new(1);
	struct model m = {.waits_for = {-1, -1, -1, -1}};
	for (int i = 0; i < n; i++) {
		if (!step(f, &m, actions[i]))
			break;
		assert_int_equal(singleflight_waiting(f), waiting(&m));
	}
	finish(f, &m);
	singleflight_free(&f);
	assert_null(f);
}

/* Every sequence of one key and three waiters: join, leave, land. */
static void every_order(void **state)
{
	(void)state;
	enum { JOIN0 = 0, LEAVE0 = WAITERS * KEYS };
	static const int alphabet[] = {JOIN0, JOIN0 + KEYS, JOIN0 + 2 * KEYS,
	    LEAVE0, LEAVE0 + KEYS, LEAVE0 + 2 * KEYS, 2 * WAITERS * KEYS};
	enum { LETTERS = sizeof alphabet / sizeof *alphabet };
	int digits[STEPS] = {0}, actions[STEPS];
	for (bool more = true; more;) {
		for (int i = 0; i < STEPS - 1; i++)
			actions[i] = alphabet[digits[i]];
		run_one(actions, STEPS - 1);
		int i = 0;
		while (i < STEPS - 1 && ++digits[i] == LETTERS)
			digits[i++] = 0;
		more = i < STEPS - 1;
	}
}

/* Two keys in one shard and in several, at random, for longer. */
static void against_a_model(void **state)
{
	(void)state;
	uint64_t random = 20240607;
	for (unsigned shards = 1; shards <= 4; shards++) {
		struct singleflight *f = singleflight_new(shards);
		struct model m = {.waits_for = {-1, -1, -1, -1}};
		for (int i = 0; i < 100000; i++) {
			random = random * 6364136223846793005u + 1;
			step(f, &m,
			    (int)((random >> 33) %
				  (2 * WAITERS * KEYS + KEYS)));
			assert_int_equal(singleflight_waiting(f), waiting(&m));
		}
		finish(f, &m);
		singleflight_free(&f);
	}
}

/* Keys are bytes: no key is a prefix of another, NULs count. */
static void keys_are_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		size_t len;
	} table[] = {{"r/a", 3}, {"r/", 2}, {"r/ab", 4}, {"r/a\0", 4},
	    {"r/a\0b", 5}, {"R/a", 3}};
	enum { N = sizeof table / sizeof *table };
	struct singleflight *f = singleflight_new(1);
	struct singleflight_waiter w[N];
	singleflight_free(&(struct singleflight *){NULL}); /* harmless */
	for (size_t i = 0; i < N; i++)
		assert_true(
		    singleflight_join(f, 0, table[i].id, table[i].len, &w[i]));
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(
		    singleflight_land(f, 0, table[i].id, table[i].len), &w[i]);
	singleflight_free(&f);
}

/* A key has a flight per mode; what lands in one leaves the others. */
static void modes(void **state)
{
	(void)state;
	static const uint64_t of[] = {0, 1, 2, 1ULL << 48};
	enum { N = sizeof of / sizeof *of };
	struct singleflight *f = singleflight_new(1);
	struct singleflight_waiter first[N], second[N];
	for (size_t i = 0; i < N; i++)
		assert_true(singleflight_join(f, of[i], "r/a", 3, &first[i]));
	for (size_t i = 0; i < N; i++)
		assert_false(singleflight_join(f, of[i], "r/a", 3, &second[i]));
	assert_false(singleflight_leave(f, of[0], "r/a", 3, &second[1]));
	assert_true(singleflight_leave(f, of[1], "r/a", 3, &second[1]));
	for (size_t i = 0; i < N; i++) {
		struct singleflight_waiter *w =
		    singleflight_land(f, of[i], "r/a", 3);
		assert_ptr_equal(w, &first[i]);
		assert_ptr_equal(w->next, i == 1 ? NULL : &second[i]);
	}
	assert_int_equal(singleflight_waiting(f), 0);
	singleflight_free(&f);
}

/* --- threads ---------------------------------------------------------------
 */

enum { THREADS = 4, ROUNDS = 20000 };

/* One waiter of its own: it waits, or leaves, and then may be touched again. */
struct rider {
	struct singleflight_waiter waiter; /* first: cast back */
	atomic_int landed;
	uint64_t random;
};

static struct singleflight *shared;
static atomic_int leaders, landings, leavers;

static void land_shared(const char *key)
{
	struct singleflight_waiter *w =
	    singleflight_land(shared, 0, key, strlen(key));
	while (w) {
		struct singleflight_waiter *next = w->next;
		/* From here on it is its thread's again. */
		atomic_store(&((struct rider *)w)->landed, 1);
		w = next;
	}
	atomic_fetch_add(&landings, 1);
}

static void *ride(void *arg)
{
	struct rider *r = arg;
	for (int i = 0; i < ROUNDS; i++) {
		r->random = r->random * 6364136223846793005u + 1;
		const char *key = keys[r->random >> 63];
		bool leads;
		atomic_store(&r->landed, 0);
		leads =
		    singleflight_join(shared, 0, key, strlen(key), &r->waiter);
		if (leads) {
			atomic_fetch_add(&leaders, 1);
			land_shared(key);
			assert_true(atomic_load(&r->landed));
		} else if ((r->random >> 40 & 1) &&
			   singleflight_leave(
			       shared, 0, key, strlen(key), &r->waiter)) {
			atomic_fetch_add(&leavers, 1);
			continue; /* nobody lands it: its memory is free */
		}
		while (atomic_load(&r->landed) == 0)
			sched_yield();
		/* Written by the one who owns it now. */
		memset(&r->waiter, 0xee, sizeof r->waiter);
	}
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	pthread_t ids[THREADS];
	struct rider riders[THREADS];
	shared = singleflight_new(2);
	for (int i = 0; i < THREADS; i++) {
		riders[i] = (struct rider){.random = (uint64_t)i + 1};
		assert_int_equal(
		    pthread_create(&ids[i], NULL, ride, &riders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(ids[i], NULL), 0);
	assert_int_equal(atomic_load(&leaders), atomic_load(&landings));
	assert_true(atomic_load(&leaders) > 0);
	assert_int_equal(singleflight_waiting(shared), 0);
	singleflight_free(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_order),
	    cmocka_unit_test(against_a_model),
	    cmocka_unit_test(keys_are_bytes),
	    cmocka_unit_test(modes),
	    cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
